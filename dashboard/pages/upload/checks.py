"""What a worker says of the files before an analysis starts: candidates, fit, cost."""

from __future__ import annotations

import math
from typing import Any

from dash import dcc, html

from dashboard.components import budget
from dashboard.components.notices import remark
from dashboard.components.words import STAGES, span
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisPlan, Candidate, CandidateTable


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


def too_large(problem: ProblemError, parameters: Parameters) -> html.Div:
    """Everything would not fit into the memory: a budget has an answer all the same."""
    kept = budget.kept(parameters, math.inf)
    return remark(html.P(problem.sentence, className="notice-lead"), html.P(kept), tone="warn")


def plan_words(plan: AnalysisPlan, parameters: Parameters) -> html.Div:
    """Loss and accuracy with this architecture, the cost, what the budget makes of it, and what is
    odd about the files."""
    parts: list[Any] = []
    if plan.data is not None:
        said = []
        for words, split in (("training", plan.data.train), ("test", plan.data.test)):
            if split is not None:
                share = "" if split.accuracy is None else f", accuracy {_percent(split.accuracy)}"
                said.append(f"{words} loss {split.loss:.4g}{share}")
        parts.append(html.P(f"The files fit: {'; '.join(said)}.", className="notice-lead"))
    kept = budget.kept(parameters, sum(plan.stage_seconds.values()))
    parts.append(html.P(f"{cost_words(plan)} {kept}".strip()))
    parts += [html.P(words) for words in plan.warnings]
    return remark(*parts)
