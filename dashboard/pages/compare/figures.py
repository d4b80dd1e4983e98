"""What the compare page draws, and how its address names vectors and λ."""

from __future__ import annotations

import json
import math
from typing import Any

from dashboard.pages.compare.measures import AT_LAMBDA, MEASURES, Minimum, letters
from minimascope.figures.compare_scatter import Measured, compare_scatter
from minimascope.figures.parallel import parallel_figure

CHOICES = {**MEASURES, **AT_LAMBDA}
STEPS = 1000


def lambda_at(step: float, span: tuple[float, float]) -> float:
    """The λ of a slider position, even in log λ."""
    low, high = math.log10(span[0]), math.log10(span[1])
    return 10.0 ** (low + (high - low) * step / STEPS)


def step_of(text: str | None, span: tuple[float, float]) -> int:
    """The slider position of a λ in the address; the nearest end, or the middle for none."""
    try:
        value = float(text or "")
    except ValueError:
        return STEPS // 2
    if not value > 0:
        return STEPS // 2
    low, high = math.log10(span[0]), math.log10(span[1])
    value = min(max(value, span[0]), span[1])
    return round(STEPS * (math.log10(value) - low) / (high - low))


def scatter(minima: list[Minimum], x: str, y: str, at: float | None) -> dict[str, Any]:
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
