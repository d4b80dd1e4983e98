"""From the numbers of one network to its estimate, interval and verdict (protocol.md, rule 2–5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from practice.reference import (
    HOPELESS,
    INTERPOLATING,
    NORMAL,
    OVER_CONFIDENT,
    SIGMA,
    WIDEST_BRACKET,
)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Judged:
    """m and s are None with `no_estimate`."""

    verdict: str
    m: float | None = None
    s: float | None = None
    sigma: float = 0.0

    def interval(self, share: float, extra: float = 0.0) -> Interval:
        """Holding `share`; `extra` is the standard error of what it is compared with."""
        assert self.m is not None
        assert self.s is not None
        return interval(self.m, self.sigma, math.hypot(self.s, extra), NORMAL[share])


def interval(m: float, sigma: float, s: float, z: float) -> Interval:
    """Ends at ±z of m·exp(σz) + s·z′, each side's two parts added in squares, cut at 0."""
    low = m - math.hypot(m * (1 - math.exp(-z * sigma)), z * s)
    return max(0.0, low), m + math.hypot(m * (math.exp(z * sigma) - 1), z * s)


def judged(
    found: Mapping[str, Any],
    optimizer: str,
    *,
    squared_error: bool,
    sigma: Mapping[str, float] = SIGMA,
) -> Judged:
    """The rule as the protocol has it; `sigma` by class of optimiser."""
    ridge, other = found["ridge"], found["ridge"] if found["filter"] is None else found["filter"]
    suspicious = squared_error or found["tic"] < INTERPOLATING * found["soft_rank"]
    apart = suspicious and other > WIDEST_BRACKET * ridge
    if not ridge > 0 or found["temperature"] > HOPELESS or apart:
        return Judged("no_estimate")
    between = 0.5 if optimizer == "sgd" and found["filter"] is not None else 0.0
    m = ridge ** (1 - between) * other**between * min(1.0, OVER_CONFIDENT / found["temperature"])
    s = found["scatter"]
    if between:
        s = math.sqrt(s * found["filter_scatter"])
    answer = Judged("uncertain", m, s, sigma[optimizer])
    low, high = answer.interval(0.9)
    return Judged("reliable" if low >= m / 2 and high <= 2 * m else "uncertain", m, s, answer.sigma)
