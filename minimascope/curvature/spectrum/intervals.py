"""Intervals of means over groups of examples that were drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats
from torch import Tensor

LEVEL = 0.95
FEWEST = 2.0  # degrees of freedom


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95% interval."""

    value: float
    low: float
    high: float


def parts_of_variance(weights: Tensor, deviations: Tensor) -> Tensor:
    """What each of c values adds to the variance of their weighted mean (c,)."""
    count = len(weights)
    return (weights * deviations).square() * (count / max(1, count - 1))


def half_width(variance: float, parts: Tensor, *, skewed: bool = True) -> float:
    """Of the interval of a mean with this variance.

    It has half as many degrees of freedom as the `parts` (c,) have that it was told by
    (Satterthwaite, 1946), few where a few of them are most of it. Half, because such values are
    skewed: with all of them 93.8% of 337 intervals of traces held. All, where they are not.
    """
    whole = float(parts.sum())
    if variance <= 0:
        return 0.0
    freedom = whole**2 / float(parts.square().sum()) if whole > 0 else 1.0
    most = max(1.0, len(parts) - 1.0)
    freedom = max(min(FEWEST, most), min(freedom, most) / (2 if skewed else 1))
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * variance**0.5
