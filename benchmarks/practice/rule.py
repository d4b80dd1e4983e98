"""From the numbers of one network to its estimate, interval and verdict.

`FROZEN`, which protocol.md had before a network was trained; `AMENDED`, what the first half made
of it before the blind half was estimated; `REFITTED`, the same with σ of both halves, before the
second blind set was trained; `LEANING`, what all three sets made of it, before the third blind set
was trained. `BRACKETED` is `LEANING` with the widths that all four sets asked for, before the
fourth blind set was trained (protocol.md, last section), and what the product has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Interval = tuple[float, float]
Found = Mapping[str, Any]

NORMAL = {0.5: 0.6745, 0.9: 1.6449}
STUDENT = {0.5: 0.7267, 0.9: 2.0150}  # five degrees of freedom
WIDEST_BRACKET, INTERPOLATING = 3.0, 0.05
OVER_CONFIDENT = 1.2  # temperature above which SGD's estimate is divided by T/1.2
HOPELESS = 5.0  # frozen rule: temperature above which there is no estimate
LEAST_FACTOR = 0.5  # amended rule: the division stops here
MOST = 1.5  # amended rule: losses of the best constant that an estimate may reach
FARTHEST = 10.0  # amended rule: filter over ridge beyond which there is no estimate
CLOSE = 0.1  # leaning rule: TIC over soft rank below which the filter counts
BENT = 0.5  # leaning rule: losses of the best constant beyond which estimates grow as logarithms


@dataclass(frozen=True)
class Rule:
    """σ by class of optimiser, at most `smoothed` where labels were, and which form it has.

    `apart` > 0 widens every interval by what ridge and filter disagree on; `at_most` reads a low
    end of 0 as the product does: at most the high one.
    """

    sigma: Mapping[str, float]
    form: Literal["frozen", "amended", "leaning"]
    smoothed: float = math.inf
    apart: float = 0.0
    at_most: bool = False

    def factor(self, found: Found, optimizer: str) -> float:
        """≤ 1, for linearised logits that overshoot."""
        heat = found["temperature"] / OVER_CONFIDENT
        if self.form == "frozen":
            return min(1.0, 1 / heat)
        if optimizer != "sgd":
            return 1.0
        return max(LEAST_FACTOR, min(1.0, heat ** (-0.5 if self.form == "leaning" else -1.0)))

    def refuses(self, found: Found, m: float) -> bool:
        """Whether the estimate is beyond what can be."""
        if self.form == "frozen":
            return found["temperature"] > HOPELESS
        return m > MOST * found["constant_loss"]

    def sigma_of(self, optimizer: str, bracket: float, *, smoothed: bool, close: bool) -> float:
        """σ; `bracket` is filter over ridge, which had counted where the fit is `close` alone."""
        own = min(self.sigma[optimizer], self.smoothed if smoothed else math.inf)
        if self.apart:
            return math.hypot(own, self.apart * (1 - 1 / max(bracket, 1.0)))
        if not close:
            return own
        # From one way to count the end to the other: one sd, or since about 90%.
        return max(own, math.log(bracket) / (4 if self.form == "leaning" else 2))


FROZEN = Rule({"sgd": 0.30, "adam": 0.25, "adamw": 0.25, "lbfgs": 0.25}, "frozen")
AMENDED = Rule({"sgd": 0.38, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.15}, "amended", smoothed=0.35)
REFITTED = Rule({"sgd": 0.32, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.13}, "amended", smoothed=0.31)
# The product's between the second and the third blind set (docs/decisions/0028-widths.md).
BEFORE = Rule({"sgd": 0.38, "adam": 0.40, "adamw": 0.40, "lbfgs": 0.20}, "amended", smoothed=0.35)
LEANING = Rule({"sgd": 0.25, "adam": 0.28, "adamw": 0.25, "lbfgs": 0.18}, "leaning", smoothed=0.20)
BRACKETED = Rule(dict.fromkeys(LEANING.sigma, 0.16), "leaning", apart=0.6, at_most=True)


@dataclass(frozen=True)
class Judged:
    """m and s are None with `no_estimate`."""

    verdict: str
    m: float | None = None
    s: float | None = None
    sigma: float = 0.0
    tails: Mapping[float, float] = field(default_factory=lambda: NORMAL)
    at_most: bool = False

    def interval(self, share: float, extra: float = 0.0) -> Interval:
        """Holding `share`; `extra` is the standard error of what it is compared with."""
        assert self.m is not None
        assert self.s is not None
        z = NORMAL[share] * math.hypot(self.s, extra)
        return interval(self.m, self.tails[share] * self.sigma, z)


def interval(m: float, away: float, aside: float) -> Interval:
    """From m·exp(−away) − aside to m·exp(away) + aside, parts added in squares, cut at 0."""
    low = m - math.hypot(m * (1 - math.exp(-away)), aside)
    return max(0.0, low), m + math.hypot(m * (math.exp(away) - 1), aside)


def judged(
    found: Found, optimizer: str, *, squared_error: bool, smoothed: bool, rule: Rule
) -> Judged:
    """Verdict, estimate and scatter."""
    ridge, other = found["ridge"], found["ridge"] if found["filter"] is None else found["filter"]
    if not ridge > 0:
        return Judged("no_estimate")
    suspicious = squared_error or found["tic"] < INTERPOLATING * found["soft_rank"]
    apart = suspicious and other > WIDEST_BRACKET * ridge
    if apart and (rule.form == "frozen" or other > FARTHEST * ridge):
        return Judged("no_estimate")
    if rule.form == "leaning":
        m, s = _leaning(found, optimizer, rule, squared_error=squared_error)
    else:
        m, s = _middle(found) if apart or optimizer == "sgd" else (ridge, found["scatter"])
        m *= rule.factor(found, optimizer)
    if rule.refuses(found, m):
        return Judged("no_estimate")
    sigma = rule.sigma_of(optimizer, other / ridge, smoothed=smoothed, close=apart)
    tails = STUDENT if rule.form == "leaning" else NORMAL
    answer = Judged("uncertain", m, s, sigma, tails, at_most=rule.at_most)
    low, high = answer.interval(0.9)
    return replace(answer, verdict="reliable") if low >= m / 2 and high <= 2 * m else answer


def _leaning(
    found: Found, optimizer: str, rule: Rule, *, squared_error: bool
) -> tuple[float, float]:
    """From ridge to filter as the fit is close; bent where outputs would move far."""
    m, s = found["ridge"], found["scatter"]
    if found["filter"] is None:
        return m, s
    close = max(0.0, 1 - found["tic"] / found["soft_rank"] / CLOSE)
    if not squared_error and found["filter"] > 0:
        m *= (found["filter"] / m) ** close
        s *= (found["filter_scatter"] / s) ** close
    if not squared_error:
        m *= rule.factor(found, optimizer)
    allowed = BENT * found["constant_loss"]
    if m <= allowed:
        return m, s
    return allowed * (1 + math.log(m / allowed)), s * allowed / m


def _middle(found: Found) -> tuple[float, float]:
    """Geometric means of ridge and filter."""
    if found["filter"] is None or found["filter"] <= 0:
        return found["ridge"], found["scatter"]
    between = math.sqrt(found["ridge"] * found["filter"])
    return between, math.sqrt(found["scatter"] * found["filter_scatter"])
