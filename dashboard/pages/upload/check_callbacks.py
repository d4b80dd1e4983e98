"""What a worker says of the files, asked for as soon as enough has been said."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, ctx

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import refusal
from dashboard.pages.upload.checks import candidate_rows, plan_words, too_large
from dashboard.pages.upload.request import candidates_request, request_of
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest

FILES = ("checkpoint", "train", "test", "optimizer_state")
CHOSEN = ("family", "activation", "loss", "dtype", "stages", "budget")
TYPED = ("top-k", "examples", "seconds")  # what costs depend on and is told when a field is left
# Later is soon enough: workers are busy, or the server is away, which the start says too.
LATER = ("no_plan_yet", "server_unreachable")


def register(pages: Dash, client: AsyncClient) -> None:
    """The table of candidates on demand; fit and cost as soon as enough has been said."""
    pages.clientside_callback(
        in_browser("candidate_chosen"),
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
            "files": {kind: Input(ids.uploaded(kind), "data") for kind in ("checkpoint", "train")},
            "values": {
                "loss": Input("up-loss", "data"),
                "label": Input(ids.UP_LABEL, "value"),
                "resize": Input(ids.UP_RESIZE, "value"),
            },
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
            "files": {kind: Input(ids.uploaded(kind), "data") for kind in FILES},
            "values": {
                **{f: Input(f"up-{f}", "data") for f in CHOSEN},
                "label": Input(ids.UP_LABEL, "value"),
                "resize": Input(ids.UP_RESIZE, "value"),
                "left": Input(ids.UP_SEQUENTIAL, "n_blur"),
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
            return plan_words(await client.plan(_whole(request)), request.parameters)
        except ProblemError as problem:
            if problem.code == "does_not_fit" and _whole(request) != request:
                return too_large(problem, request.parameters)
            return None if problem.code in LATER else refusal(problem)


def _whole(request: AnalysisRequest) -> AnalysisRequest:
    """The same without a budget: what is planned is everything, one plan for every budget."""
    parameters = request.parameters.model_copy(update={"seconds": None, "seconds_at_most": None})
    return request.model_copy(update={"parameters": parameters})
