"""Which reports have a picture of the film, and the picture at a step."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.runs import Run, RunPoint
from minimascope.figures.film import FILM, film_picture, has_film


def pictured(run: Run) -> list[RunPoint]:
    """Reports with a picture, in order of step."""
    return [point for point in run.points if has_film(point.arrays)]


def nearest(points: list[RunPoint], step: int) -> RunPoint | None:
    """The last one up to a step, else the first."""
    before = [point for point in points if point.step <= step]
    return before[-1] if before else (points[0] if points else None)


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
