"""The λ at which the curves over λ are drawn, and those beside λ_eff that give a slope."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

POINTS = 25
DECADES = 2.0
UNKNOWN_RANGE = (1e-6, 1.0)
STEP = 0.05


def lambda_grid(lambda_eff: float | None, requested: Sequence[float]) -> list[float]:
    """Ascending λ of the curves: 25 log-spaced ones and exactly the requested ones."""
    for value in requested:
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"λ = {value} must be positive and finite.")
    if lambda_eff is None:
        spaced = np.geomspace(*UNKNOWN_RANGE, POINTS).tolist()
    else:
        exponents = np.linspace(-DECADES, DECADES, POINTS)
        # The middle exponent is exactly 0, so λ_eff itself is on the grid.
        spaced = [lambda_eff * 10.0 ** float(x) for x in exponents]
    return sorted({*spaced, *(float(x) for x in requested)})


def neighbours(lambda_eff: float) -> tuple[float, float]:
    """λ_eff·e^{∓STEP}, for d log ALO / d log λ."""
    return lambda_eff * math.exp(-STEP), lambda_eff * math.exp(STEP)
