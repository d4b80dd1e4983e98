"""What a worker says of the files before an analysis starts: candidates, fit, cost."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html

from dashboard.components.notices import refusal, remark
from dashboard.components.words import STAGES, span
from dashboard.pages.upload.request import candidates_request, request_of
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisPlan, Candidate, CandidateTable

FILES = ("checkpoint", "train", "test")
CHOSEN = ("family", "activation", "loss", "dtype", "stages")
TYPED = ("top-k", "examples")  # what costs depend on and is told when a field is left
# Later is soon enough: workers are busy, or the server is away, which the start says too.
LATER = ("no_plan_yet", "server_unreachable")


def candidates_field() -> html.Div:
    """A button that lists what the weights allow, and room for the table."""
    hint = "Lists the architectures these weights allow, each with its loss on your training set."
    return html.Div(
        [
            html.Span("Not sure which?", className="group-label"),
            html.Div(
                [
                    html.Button("Compare on the training set", id="up-list", className="button"),
                    html.Span(hint, className="hint"),
                ],
                className="candidates-ask",
            ),
            dcc.Loading(html.Div(id="up-candidates"), type="dot", delay_show=300),
            dcc.Store(id="up-candidate", data=""),
            dcc.Store(id="up-candidates-held"),
            dcc.Store(id="up-candidate-done"),
        ],
        className="field wide",
        id="up-candidates-field",
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _row(place: int, row: Candidate) -> html.Button:
    words = row.sentence.split(": loss")[0]
    return html.Button(
        [
            html.Span(words, className="candidate-words"),
            html.Span(f"{row.loss:.4g}", className="candidate-number"),
            html.Span(_percent(row.accuracy), className="candidate-number"),
        ],
        role="radio",
        className="radio candidate",
        tabIndex=0 if place == 0 else -1,
        **{"data-value": str(place), "aria-checked": "false", "aria-label": row.sentence},
    )


def candidate_rows(table: CandidateTable) -> html.Div:
    """Every candidate as a row to click; none is chosen beforehand."""
    names = ("Architecture", "Loss", "Accuracy")
    head = html.Div(
        [html.Span(name) for name in names], className="candidate-head", **{"aria-hidden": "true"}
    )
    rows = html.Div(
        [_row(place, row) for place, row in enumerate(table.candidates)],
        className="candidates",
        role="radiogroup",
        **{"data-choice": "up-candidate", "aria-label": "Architectures the weights allow"},
    )
    return html.Div([html.P(table.advice, className="hint"), head, rows])


def cost_words(plan: AnalysisPlan) -> str:
    """Seconds of the stages asked for, and what the spectrum takes in products and memory."""
    costs = {stage: plan.stage_seconds[stage] for stage in STAGES if stage in plan.stage_seconds}
    if not costs:
        return plan.sentence
    names = {stage: STAGES[stage][0].lower() + STAGES[stage][1:] for stage in costs}
    parts = [f"{names[stage]} {span(cost)}" for stage, cost in costs.items()]
    said = f"About {span(sum(costs.values()))} on this machine, within a factor of two or so"
    told = f"{said}: {', '.join(parts)}." if len(parts) > 1 else f"{said}."
    return f"{told} {plan.sentence}" if "spectrum" in costs else told


def plan_words(plan: AnalysisPlan) -> html.Div:
    """Loss and accuracy with this architecture, the cost, and what is odd about the files."""
    parts: list[Any] = []
    if plan.data is not None:
        said = []
        for words, split in (("training", plan.data.train), ("test", plan.data.test)):
            if split is not None:
                share = "" if split.accuracy is None else f", accuracy {_percent(split.accuracy)}"
                said.append(f"{words} loss {split.loss:.4g}{share}")
        parts.append(html.P(f"The files fit: {'; '.join(said)}.", className="notice-lead"))
    parts.append(html.P(cost_words(plan)))
    parts += [html.P(words) for words in plan.warnings]
    return remark(*parts)


def register(pages: Dash, client: AsyncClient) -> None:
    """The table of candidates on demand; fit and cost as soon as enough has been said."""
    pages.clientside_callback(
        ClientsideFunction("upload", "choose_candidate"),
        Output("up-candidate-done", "data"),
        Input("up-candidate", "data"),
        State("up-candidates-held", "data"),
        prevent_initial_call=True,
    )

    @pages.callback(
        output=[
            Output("up-candidates", "children"),
            Output("up-candidates-held", "data"),
            Output("up-candidate", "data"),
        ],
        inputs={
            "clicks": Input("up-list", "n_clicks"),
            "files": {kind: Input(f"upload-{kind}", "data") for kind in ("checkpoint", "train")},
            "values": {"loss": Input("up-loss", "data"), "label": Input("up-label", "value")},
        },
        prevent_initial_call=True,
    )
    async def listed(clicks: int | None, files: dict[str, Any], values: dict[str, Any]) -> Any:
        if ctx.triggered_id != "up-list" or not clicks:
            return None, None, ""  # other files or another loss: the old table says nothing
        try:
            table = await client.architectures(candidates_request(values, files))
        except ProblemError as problem:
            return refusal(problem), None, ""
        return candidate_rows(table), [row.architecture for row in table.candidates], ""

    @pages.callback(
        output=Output("up-cost", "children"),
        inputs={
            "files": {kind: Input(f"upload-{kind}", "data") for kind in FILES},
            "values": {
                **{f: Input(f"up-{f}", "data") for f in CHOSEN},
                "label": Input("up-label", "value"),
                "left": Input("up-sequential", "n_blur"),
                **{f: Input(f"up-{f}", "n_blur") for f in TYPED},
            },
            "typed": {f: State(f"up-{f}", "value") for f in ("sequential", *TYPED)},
        },
        prevent_initial_call=True,
    )
    async def planned(files: dict[str, Any], values: dict[str, Any], typed: dict[str, Any]) -> Any:
        try:
            request = request_of({**values, **typed}, files)
        except ProblemError:
            return None  # not everything has been said yet; the start names what is missing
        try:
            return plan_words(await client.plan(request))
        except ProblemError as problem:
            return None if problem.code in LATER else refusal(problem)
