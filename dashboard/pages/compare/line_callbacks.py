"""The line between two minima: asked for when its panel is first seen, and at every choice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from dash import Dash, Input, Output, State, html, no_update

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.pages.compare.line import line_words
from dashboard.pages.compare.measures import letters
from minimascope.client import AsyncClient
from minimascope.client.calls import Array
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import (
    InterpolationRequest,
)
from minimascope.figures.interpolation import interpolation_figure

PATIENCE_SECONDS = 300.0
POINTS = ("points", "labels", "predictions")


def _letter_of(data: dict[str, Any], identifier: str) -> str:
    ids = [m["numbers"]["id"] for m in data["minima"]]
    return letters(ids.index(identifier))


async def _points(client: AsyncClient, identifier: str) -> dict[str, Array]:
    """Training points of a minimum; without them the plane is drawn alone."""
    try:
        found = await asyncio.gather(*(client.array(identifier, name) for name in POINTS))
    except ProblemError:
        return {}
    return dict(zip(POINTS, found, strict=True))


def register(pages: Dash, client: AsyncClient) -> None:
    """Asked for when the panel is first in the window, and at every choice after that; the API
    knows what it computed before.
    """

    @pages.callback(
        Output("line-words", "children"),
        Output(ids.frame(ids.LINE), "hidden"),
        Output("line-drawn", "data"),
        Input(ids.LINE_WANTED, "data"),
        Input("line-from", "data"),
        Input("line-to", "data"),
        State("compare-items", "data"),
        running=[(Output(ids.LINE_PANEL, "className"), "computing", "")],
    )
    async def drawn(
        wanted: bool | None, first: str, last: str, data: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        if not wanted:
            return no_update, no_update, no_update
        ends = {"from": first, "to": last}
        try:
            request = InterpolationRequest(other=last)
            curve = await client.interpolation(first, request, seconds=PATIENCE_SECONDS)
        except ProblemError as problem:
            return html.P(problem.line(), className="hint"), True, {**ends, "figure": None}
        names = _letter_of(data, first), _letter_of(data, last)
        arrays = await _points(client, first) if curve.film else {}
        figure = await asyncio.to_thread(interpolation_figure, curve, names, arrays)
        drawn = {"figure": json.loads(figure.to_json()), "curve": curve.model_dump(mode="json")}
        return line_words(curve), False, {**ends, **drawn}

    pages.clientside_callback(
        in_browser("line_near"),
        Output(ids.LINE_PANEL, "title"),
        Input("line-from", "id"),
    )
    pages.clientside_callback(
        in_browser("line_drawn"),
        Input("line-drawn", "data"),
        prevent_initial_call=True,
    )
