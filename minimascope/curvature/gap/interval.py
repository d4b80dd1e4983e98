"""Intervals for the gap: what the estimate leaves open, as two ends and not as an adjective.

gap = m·exp(σz) + s·z′ with z and z′ standard normal: σ is what an estimate of this kind was off by
beyond chance (`calibrated`), s the scatter of the gap of one training set (docs/mathematics.md,
"Intervals").
"""

from __future__ import annotations

import math
from typing import NamedTuple

HALF, NINETY = 0.6745, 1.6449  # z of the central 50% and 90% of a normal law


class Interval(NamedTuple):
    """Two ends in nats; a low end of 0 means: at most the high one."""

    low: float
    high: float


def interval(estimate: float, *, sigma: float, scatter: float, z: float) -> Interval:
    """The ends at ±z, each side's two parts added in squares; no gap is below 0.

    sigma is the standard deviation of log(gap/estimate), scatter one in nats.
    """
    down = math.hypot(estimate * -math.expm1(-z * sigma), z * scatter)
    up = math.hypot(estimate * math.expm1(z * sigma), z * scatter)
    return Interval(max(0.0, estimate - down), estimate + up)


def within_two(ninety: Interval, estimate: float) -> bool:
    """Whether the interval lies inside [m/2, 2m]."""
    return ninety.low >= estimate / 2 and ninety.high <= 2 * estimate


def widest_factor(ninety: Interval, estimate: float) -> float:
    """The larger of high/m and m/low; infinite where the interval reaches 0."""
    below = estimate / ninety.low if ninety.low > 0 else math.inf
    return max(below, ninety.high / estimate)
