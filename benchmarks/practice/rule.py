"""From the numbers of one network to its estimate, interval and verdict.

Four rules: `FROZEN`, which protocol.md had before a network was trained; `AMENDED`, what the
first half made of it before the blind half was estimated; `REFITTED`, the same with σ of both
halves, before the second blind set was trained (protocol.md, last sections). `SHIPPED` is what the
product has since: `AMENDED` with a wider σ for exact minima; no network was blind to that one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Interval = tuple[float, float]
Found = Mapping[str, Any]

NORMAL = {0.5: 0.6745, 0.9: 1.6449}
WIDEST_BRACKET, INTERPOLATING = 3.0, 0.05
OVER_CONFIDENT = 1.2  # temperature above which SGD's estimate is divided by T/1.2
HOPELESS = 5.0  # frozen rule: temperature above which there is no estimate
LEAST_FACTOR = 0.5  # amended rule: the division stops here
MOST = 1.5  # amended rule: losses of the best constant that an estimate may reach
FARTHEST = 10.0  # amended rule: filter over ridge beyond which there is no estimate


@dataclass(frozen=True)
class Rule:
    """σ by class of optimiser, at most `smoothed` where labels were; amended or not."""

    sigma: Mapping[str, float]
    amended: bool
    smoothed: float = math.inf

    def factor(self, found: Found, optimizer: str) -> float:
        """≤ 1, for linearised logits that overshoot."""
        calm = min(1.0, OVER_CONFIDENT / found["temperature"])
        if not self.amended:
            return calm
        return max(LEAST_FACTOR, calm) if optimizer == "sgd" else 1.0

    def refuses(self, found: Found, m: float) -> bool:
        """Whether the estimate is beyond what can be."""
        if self.amended:
            return m > MOST * found["constant_loss"]
        return found["temperature"] > HOPELESS


FROZEN = Rule({"sgd": 0.30, "adam": 0.25, "adamw": 0.25, "lbfgs": 0.25}, amended=False)
AMENDED = Rule(
    {"sgd": 0.38, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.15}, amended=True, smoothed=0.35
)
SHIPPED = Rule(
    {"sgd": 0.38, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.20}, amended=True, smoothed=0.35
)
REFITTED = Rule(
    {"sgd": 0.32, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.13}, amended=True, smoothed=0.31
)


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
    found: Found, optimizer: str, *, squared_error: bool, smoothed: bool, rule: Rule
) -> Judged:
    """Verdict, estimate and scatter."""
    ridge, other = found["ridge"], found["ridge"] if found["filter"] is None else found["filter"]
    if not ridge > 0:
        return Judged("no_estimate")
    suspicious = squared_error or found["tic"] < INTERPOLATING * found["soft_rank"]
    apart = suspicious and other > WIDEST_BRACKET * ridge
    if apart and (not rule.amended or other > FARTHEST * ridge):
        return Judged("no_estimate")
    m, s = _middle(found) if apart or optimizer == "sgd" else (ridge, found["scatter"])
    m *= rule.factor(found, optimizer)
    if rule.refuses(found, m):
        return Judged("no_estimate")
    sigma = min(rule.sigma[optimizer], rule.smoothed if smoothed else math.inf)
    if apart:  # one standard deviation reaches from one way to count the end to the other
        sigma = max(sigma, math.log(other / ridge) / 2)
    low, high = Judged("uncertain", m, s, sigma).interval(0.9)
    return Judged("reliable" if low >= m / 2 and high <= 2 * m else "uncertain", m, s, sigma)


def _middle(found: Found) -> tuple[float, float]:
    """Geometric means of ridge and filter."""
    if found["filter"] is None or found["filter"] <= 0:
        return found["ridge"], found["scatter"]
    between = math.sqrt(found["ridge"] * found["filter"])
    return between, math.sqrt(found["scatter"] * found["filter_scatter"])
