"""What the compare page draws."""

from __future__ import annotations

import json
from typing import Any

from dashboard.pages.compare.measures import MEASURES, SHARED, Levels, Minimum, letters
from minimascope.figures.compare_scatter import Measured, compare_scatter
from minimascope.figures.parallel import parallel_figure

CHOICES = {**MEASURES, **SHARED}


def scatter(minima: list[Minimum], x: str, y: str, at: Levels) -> dict[str, Any]:
    """The scatter of two measures as figure JSON; minima without both are left out."""
    points = []
    for index, minimum in enumerate(minima):
        across, up = minimum.value(x, at), minimum.value(y, at)
        if across is None or up is None:
            continue
        errors = minimum.errors(x), minimum.errors(y)
        points.append(Measured(minimum.name, across, up, *errors, index, letters(index)))
    figure = compare_scatter(points, x_title=CHOICES[x], y_title=CHOICES[y])
    return dict(json.loads(figure.to_json()))


def parallel(minima: list[Minimum]) -> dict[str, Any]:
    """Parallel coordinates of every measure that some minimum has, as figure JSON."""
    values = {words: [m.value(key) for m in minima] for key, words in MEASURES.items()}
    short = {words.removesuffix(", nats"): found for words, found in values.items()}
    figure = parallel_figure([f"{letters(i)} {m.name}" for i, m in enumerate(minima)], short)
    return dict(json.loads(figure.to_json()))
