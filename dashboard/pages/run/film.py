"""Which reports have a picture of the film, the picture at a step, and all of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import FastAPI

from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.runs import Run, RunPoint
from minimascope.figures.film import FILM, film_picture, has_film

MOST_PICTURES = 60  # in a film


def pictured(run: Run) -> list[RunPoint]:
    """Reports with a picture, in order of step."""
    return [point for point in run.points if has_film(point.arrays)]


def nearest(points: list[RunPoint], step: int) -> RunPoint | None:
    """The last one up to a step, else the first."""
    before = [point for point in points if point.step <= step]
    return before[-1] if before else (points[0] if points else None)


def evenly(points: list[RunPoint], most: int = MOST_PICTURES) -> list[RunPoint]:
    """So many of them, the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[round(k * (len(points) - 1) / (most - 1))] for k in range(most)]


def film_route(app: FastAPI, client: AsyncClient) -> None:
    """Adds `GET /drawings/runs/film`: pictures of a run by step, for a file of them."""

    @app.get("/drawings/runs/film", include_in_schema=False)
    async def film(name: str) -> list[dict[str, Any]]:
        run = await client.run(name)
        found = []
        for point in evenly(pictured(run)):
            figure = await picture(client, point)
            if figure is not None:
                found.append({"step": point.step, "figure": figure})
        return found


async def picture(client: AsyncClient, point: RunPoint | None) -> dict[str, Any] | None:
    """The figure as JSON; None where its report has gone meanwhile."""
    if point is None:
        return None
    try:
        report, arrays = await asyncio.gather(
            client.report(point.id),
            asyncio.gather(*(client.array(point.id, name) for name in FILM)),
        )
    except ProblemError:
        return None
    planar = report.data.input_shape == [2]
    figure = film_picture(dict(zip(FILM, arrays, strict=True)), planar=planar)
    return dict(json.loads(figure.to_json()))
