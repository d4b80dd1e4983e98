"""The weights of a checkpoint, asked for when it is there; one spectrum at a time is drawn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from dash import Dash, Input, Output, State

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import refusal
from dashboard.pages.upload import weights
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.weights import PowerLawFit, RandomMatrix, SingularValues
from minimascope.figures.weight_spectrum import weight_figure

NOTHING: tuple[Any, ...] = (None, None, None, "")


def register(pages: Dash, client: AsyncClient) -> None:
    """The report of the checkpoint that was dropped, then the figure of the chosen weight."""

    @pages.callback(
        Output("weights-said", "children"),
        Output("weights-held", "data"),
        Output("weights-menu", "children"),
        Output(ids.WEIGHT_LAYER, "data"),
        Input(ids.uploaded("checkpoint"), "data"),
    )
    async def weighed(upload: dict[str, Any] | None) -> tuple[Any, ...]:
        checkpoint = (upload or {}).get("id")
        if not checkpoint:
            return NOTHING
        try:
            report = await client.weights(checkpoint)
        except ProblemError as problem:
            # Workers that are busy are no fault of the file: the analysis goes on without.
            return (None if problem.code in QUIET else refusal(problem)), *NOTHING[1:]
        if not report.rows:  # an optimiser's state alone
            return NOTHING
        held = weights.spectra(report)
        first = next(iter(held), "")
        return weights.said(report), held, weights.menu(list(held)), first

    @pages.callback(
        Output("weights-drawn", "data"),
        Output(ids.WEIGHTS_PANEL, "className"),
        Input(ids.WEIGHT_LAYER, "data"),
        State("weights-held", "data"),
    )
    async def drawn(name: str, held: dict[str, Any] | None) -> tuple[Any, str]:
        row = (held or {}).get(name)
        if row is None:
            return None, "gone"
        return await asyncio.to_thread(_figure, row), ""

    pages.clientside_callback(
        in_browser("weights_drawn"),
        Input("weights-drawn", "data"),
        prevent_initial_call=True,
    )


QUIET = ("no_plan_yet", "server_unreachable", "not_a_checkpoint")


def _figure(row: dict[str, Any]) -> Any:
    law, random = row["power_law"], row["random_matrix"]
    figure = weight_figure(
        SingularValues.model_validate(row["singular_values"]),
        row["matrix"],
        random=random and RandomMatrix.model_validate(random),
        law=law and PowerLawFit.model_validate(law),
    )
    return json.loads(figure.to_json())
