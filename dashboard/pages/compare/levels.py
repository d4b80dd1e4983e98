"""The levels that all compared minima are measured at, and how far their sliders go.

A slider's value is a whole number: a step between the ends of λ, the power j of a threshold
10^(j/16), the place of ε among those that every minimum's G was counted at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.pages.compare.measures import NEAR, Levels, Minimum
from minimascope.contract.report.measures import EPSILON

STEPS = 1000  # of λ
POWERS = 16  # of a threshold, a decade (minimascope.curvature.spectrum.counts)
SHARE = 0.1  # of the smallest λ₁: the threshold shown first, above which each has an eigenvalue
LEAST_EPSILON = 1e-3


@dataclass(frozen=True)
class Spans:
    """The ends of λ; first and last power of thresholds; every ε. None or empty: no slider."""

    lambdas: tuple[float, float] | None
    powers: tuple[int, int] | None
    epsilons: Sequence[float]

    def levels(self, step: float, power: float, place: float) -> Levels:
        """The levels of three sliders."""
        return Levels(
            lambda_at(step, self.lambdas) if self.lambdas else None,
            10 ** (power / POWERS) if self.powers else None,
            self.epsilons[int(place)] if int(place) < len(self.epsilons) else None,
        )


def spans(minima: Sequence[Minimum]) -> Spans:
    """What all minima that have such a level have in common."""
    return Spans(_lambdas(minima), _powers(minima), _epsilons(minima))


def _lambdas(minima: Sequence[Minimum]) -> tuple[float, float] | None:
    grids = [m.lambdas for m in minima if m.lambdas]
    if not grids:
        return None
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    return (low, high) if low < high else None


def _powers(minima: Sequence[Minimum]) -> tuple[int, int] | None:
    grids = [m.counts.threshold for m in minima if m.counts and m.counts.threshold]
    if not grids:
        return None
    low = round(POWERS * math.log10(max(grid[0] for grid in grids)))
    high = round(POWERS * math.log10(max(grid[-1] for grid in grids)))
    return (low, high) if low < high else None


def _epsilons(minima: Sequence[Minimum]) -> list[float]:
    grids = [m.complexity["epsilon"] for m in minima if m.complexity]
    if not grids:
        return []
    return [
        value
        for value in grids[0]
        if value >= LEAST_EPSILON
        and all(any(abs(e / value - 1) < NEAR for e in grid) for grid in grids)
    ]


def lambda_at(step: float, span: tuple[float, float]) -> float:
    """The λ of a slider position, even in log λ."""
    low, high = math.log10(span[0]), math.log10(span[1])
    return 10.0 ** (low + (high - low) * step / STEPS)


def step_of(text: str | None, span: tuple[float, float]) -> int:
    """The slider position of a λ in the address; the nearest end, or the middle for none."""

    def step(value: float) -> int:
        low, high = math.log10(span[0]), math.log10(span[1])
        value = min(max(value, span[0]), span[1])
        return round(STEPS * (math.log10(value) - low) / (high - low))

    return _asked(text, step, STEPS // 2)


def power_of(text: str | None, span: tuple[int, int], minima: Sequence[Minimum]) -> int:
    """The power of a threshold in the address, else that of a tenth of the smallest λ₁."""
    tops = [m.numbers.lambda_max for m in minima if m.numbers.lambda_max]
    usual = SHARE * min(tops) if tops and min(tops) > 0 else 10 ** (span[0] / POWERS)

    def power(value: float) -> int:
        return min(max(round(POWERS * math.log10(value)), span[0]), span[1])

    return _asked(text, power, power(usual))


def place_of(text: str | None, epsilons: Sequence[float]) -> int:
    """The place of the ε nearest to one in the address, else to the usual one."""

    def place(value: float) -> int:
        return min(range(len(epsilons)), key=lambda i: abs(math.log(epsilons[i] / value)))

    return _asked(text, place, place(EPSILON))


def _asked(text: str | None, read: Callable[[float], int], otherwise: int) -> int:
    """A positive number in the address, read; else the usual one."""
    try:
        value = float(text or "")
    except ValueError:
        return otherwise
    return read(value) if value > 0 and math.isfinite(value) else otherwise
