"""From weights short of their minimum to the minimum itself, analysed beside them."""

from __future__ import annotations

import io
from typing import Any

from dash import Dash, Input, Output, State, html, no_update

from dashboard.components import ids
from dashboard.components.notices import refusal
from minimascope.client import AsyncClient
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.descents import DescentRequest
from minimascope.contract.report import Report
from minimascope.contract.schemas import Analysis, AnalysisRequest

WORDS = "Polish to the minimum and compare"
WORKING = "Descending, two minutes at most"
SECONDS, PATIENCE_SECONDS = 120.0, 300.0
NAME = 200  # characters
# What was told of the way to weights that are left behind.
WAY = ("lr", "schedule", "lr_sum", "steps", "momentum", "betas", "batch_size")


def polishable(report: Report) -> bool:
    """Short of a minimum that is known: its decay is told, and its loss is that of training."""
    minimum, told = report.minimum, report.objective
    if minimum is None or minimum.converged is not False or told is None:
        return False
    unlike = told.optimizer == "adamw" or bool(told.augmentation or told.dropout)
    return not unlike and told.frozen in (None, 0)


def button() -> html.Button:
    """A worker continues the training; the press waits for it."""
    title = "Continues from these weights by L-BFGS on the loss and weight decay that were told"
    return html.Button(WORDS, id=ids.POLISH, className="button", title=title)


async def polished(client: AsyncClient, analysis: Analysis) -> Analysis:
    """The analysis of the weights at the minimum, which a worker goes to."""
    request = DescentRequest(seconds=SECONDS)
    _, content = await client.descent(analysis.id, request, seconds=PATIENCE_SECONDS)
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    upload = await client.store("checkpoint", io.BytesIO(content), name=f"{name[:80]}, polished.pt")
    asked = AnalysisRequest(
        name=f"{name}, polished"[:NAME],
        checkpoint=upload.id,
        train=analysis.train,
        test=analysis.test,
        parameters=at_minimum(analysis.parameters),
    )
    return await client.submit(asked, idempotency_key=f"polished-{analysis.id}-{upload.id[:16]}")


def at_minimum(parameters: Parameters) -> Parameters:
    """The same objective, found by L-BFGS: no schedule ends short of its minimum any more."""
    left = dict.fromkeys(WAY)
    return parameters.model_copy(update={**left, "optimizer": "lbfgs"})


def register(pages: Dash, client: AsyncClient) -> None:
    """A press goes to the job of the polished weights, which ends in the comparison."""

    @pages.callback(
        Output(ids.HERE, "href", allow_duplicate=True),
        Output(ids.ANALYSIS_PROBLEM, "children", allow_duplicate=True),
        Input(ids.POLISH, "n_clicks"),
        State("analysis-id", "data"),
        prevent_initial_call=True,
        running=[
            (Output(ids.POLISH, "disabled"), True, False),
            (Output(ids.POLISH, "children"), WORKING, WORDS),
        ],
    )
    async def polish(clicks: int | None, identifier: str) -> tuple[Any, Any]:
        if not clicks:
            return no_update, no_update
        try:
            made = await polished(client, await client.analysis(identifier))
        except ProblemError as problem:
            return no_update, refusal(problem)
        return f"/jobs/{made.id}?beside={identifier}", no_update
