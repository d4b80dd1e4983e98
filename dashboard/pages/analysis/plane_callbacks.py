"""A plane chosen on the page: asked of the API, drawn like the plane of the report."""

from __future__ import annotations

import asyncio
from typing import Any

from dash import Dash, Input, Output, State

from dashboard.components import ids
from dashboard.drawing.plane_answer import plane_drawing, plane_request
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError

PATIENCE_SECONDS = 300.0


async def _answered(client: AsyncClient, identifier: str, key: str) -> dict[str, Any]:
    request = plane_request(key)
    report, labels, drawn = await asyncio.gather(
        client.report(identifier),
        client.array(identifier, "labels"),
        client.slice(identifier, request, seconds=PATIENCE_SECONDS),
    )
    arrays = {**drawn, "labels": labels, "points": drawn["slice_points"]}
    if report.margins is not None:
        arrays["margins"] = await client.array(identifier, "margins")
    eigenvalues = [] if report.spectrum is None else report.spectrum.eigenvalues
    names = report.data.class_names
    return await asyncio.to_thread(plane_drawing, key, request, arrays, eigenvalues, names)


def register(pages: Dash, client: AsyncClient) -> None:
    """The browser asks with a key; the answer is a drawing or one sentence."""

    @pages.callback(
        Output("plane-answer", "data"),
        Input(ids.PLANE_ASK, "data"),
        State("analysis-id", "data"),
        prevent_initial_call=True,
    )
    async def answer(asked: dict[str, Any] | None, identifier: str) -> dict[str, Any] | None:
        if not asked:
            return None
        key = str(asked.get("key", ""))
        try:
            return await _answered(client, identifier, key)
        except ProblemError as problem:
            return {"key": key, "problem": problem.line()}
