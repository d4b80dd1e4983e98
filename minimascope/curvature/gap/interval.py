"""Intervals for the gap: what the estimate leaves open, as two ends and not as an adjective.

gap = m·exp(σt) + s·z′ with z′ standard normal and t of Student's law with five degrees of
freedom, since a few estimates are far off and most are not: σ is its scale, what an estimate of
this kind was off by beyond chance (`calibrated`), s the scatter of the gap of one training set
(docs/mathematics.md, "Intervals").
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Level(NamedTuple):
    """Upper quantile of a central share: of a normal law, and of Student's with five degrees."""

    z: float
    t: float


HALF, NINETY = Level(0.6745, 0.7267), Level(1.6449, 2.0150)


class Interval(NamedTuple):
    """Two ends in nats; a low end of 0 means: at most the high one, which gaps below 0 are too."""

    low: float
    high: float


def interval(estimate: float, *, sigma: float, scatter: float, level: Level) -> Interval:
    """The ends of a level, each side's two parts added in squares, the lower one cut at 0.

    sigma is the scale of log(gap/estimate), scatter a standard deviation in nats.
    """
    away = level.t * sigma
    down = math.hypot(estimate * -math.expm1(-away), level.z * scatter)
    up = math.hypot(estimate * math.expm1(away), level.z * scatter)
    return Interval(max(0.0, estimate - down), estimate + up)


def within_two(ninety: Interval, estimate: float) -> bool:
    """Whether the interval lies inside [m/2, 2m]."""
    return ninety.low >= estimate / 2 and ninety.high <= 2 * estimate


def widest_factor(ninety: Interval, estimate: float) -> float:
    """The larger of high/m and m/low; infinite where the interval reaches 0."""
    below = estimate / ninety.low if ninety.low > 0 else math.inf
    return max(below, ninety.high / estimate)
