"""σ of each class of optimiser by maximum likelihood: gap = m·exp(σz) + √(s² + s.e.²)·z′.

z′ is standard normal, and z too; of Student's law since the rule of the third set.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from practice.rows import Row
from practice.rule import STUDENT

GRID = np.round(np.arange(0.02, 1.21, 0.01), 2)
POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(201)
WEIGHTS /= WEIGHTS.sum()
FIVE = t(5).ppf((np.arange(401) + 0.5) / 401)


def log_likelihood(row: Row, sigma: float, *, tail: float = 0.0) -> float:
    """Of one measured gap; `tail` mixes in a flat share for gross misses, 0 for none."""
    assert row.answer.m is not None
    assert row.answer.s is not None
    spread = math.hypot(row.answer.s, row.gap_error)
    student = row.answer.tails is STUDENT
    points, weights = (FIVE, np.full(len(FIVE), 1 / len(FIVE))) if student else (POINTS, WEIGHTS)
    z = (row.gap - row.answer.m * np.exp(sigma * points)) / spread
    density = float(weights @ np.exp(-(z**2) / 2)) / (math.sqrt(2 * math.pi) * spread)
    return math.log((1 - tail) * density + tail / (4 * row.answer.m) + 1e-300)


def fitted(rows: list[Row], *, tail: float = 0.0) -> float:
    """The likeliest σ of the networks that have an interval."""
    answered = [row for row in rows if row.answered]
    sums = [sum(log_likelihood(row, s, tail=tail) for row in answered) for s in GRID]
    return float(GRID[int(np.argmax(sums))])
