"""How well λ from a schedule is known, measured on half the study; what both halves then hold.

The model is that of minimascope/curvature/gap/chance.py: gap = ALO·exp(−s·ε) + scatter with
s = d log ALO/d log λ. Its one unknown, the standard deviation σ of the error ε of log λ_eff, is
the most likely one for the networks of one half whose λ comes from their schedule.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from minimascope.curvature.gap.chance import chance_within, normal_grid
from scipy.optimize import minimize_scalar
from study.agreement import off_by
from study.judging import Reading, candidate

SEED = 0
WANTED_SHARE, FACTOR, WORST = 0.9, 2.0, 3.0
SIGMAS = (0.01, 3.0)


@dataclass(frozen=True)
class Outcome:
    """Networks of one half with at least the promised chance, the share promised, what came."""

    count: int
    promised: float
    inside: int
    wrong: int

    @property
    def holds(self) -> bool:
        """Both criteria of the study; a half without such a network says nothing."""
        return self.count > 0 and self.inside >= WANTED_SHARE * self.count and self.wrong == 0


def halves(primary: Sequence[Reading], *, seed: int = SEED) -> tuple[list[Reading], list[Reading]]:
    """A random split within each family and way of knowing λ."""
    groups: dict[tuple[str, bool], list[Reading]] = defaultdict(list)
    for each in sorted(primary, key=lambda reading: reading.name):
        groups[each.name.rsplit("_", 1)[0], each.pure_weight_decay].append(each)
    generator = random.Random(seed)
    first: list[Reading] = []
    second: list[Reading] = []
    for group in groups.values():
        generator.shuffle(group)
        # An odd one goes to either half with equal chance.
        middle = (len(group) + generator.randrange(2)) // 2
        first += group[:middle]
        second += group[middle:]
    return first, second


def schedule_error(half: Sequence[Reading]) -> tuple[float, int]:
    """(most likely σ of log λ_eff, networks it comes from)."""
    given = [each for each in half if candidate(each) and not each.pure_weight_decay]
    given = [each for each in given if each.diagnostics["dlog_alo_dlog_lambda"] is not None]
    found = minimize_scalar(lambda sigma: _unlikely(given, sigma), bounds=SIGMAS, method="bounded")
    return float(found.x), len(given)


def _unlikely(given: Sequence[Reading], sigma: float) -> float:
    """−log likelihood of the measured gaps, the error of their test sets included."""
    nodes, weights = normal_grid()
    total = 0.0
    for each in given:
        spread = math.hypot(_scatter(each), each.gap_error)
        expected = each.estimate("alo_ggn") * np.exp(-_slope(each) * sigma * nodes)
        density = np.exp(-0.5 * ((each.gap - expected) / spread) ** 2) / spread
        total -= math.log(float(weights @ density) + 1e-300)
    return total


def chance(reading: Reading, sigma: float) -> float:
    """Of the gap within ×2 of ALO."""
    return chance_within(
        reading.estimate("alo_ggn"),
        scatter=_scatter(reading),
        slope=_slope(reading),
        schedule_error=0.0 if reading.pure_weight_decay else sigma,
    )


def outcome(half: Sequence[Reading], sigma: float, least: float) -> Outcome:
    """What a promise of `least` would have meant in this half."""
    chances = [(each, chance(each, sigma)) for each in half if candidate(each)]
    kept = [(each, found) for each, found in chances if found >= least]
    off = [off_by(each.estimate("alo_ggn"), each.gap) for each, _ in kept]
    promised = sum(found for _, found in kept) / len(kept) if kept else math.nan
    return Outcome(len(kept), promised, sum(x <= FACTOR for x in off), sum(x > WORST for x in off))


def _scatter(reading: Reading) -> float:
    return reading.diagnostics.get("gap_scatter") or 0.0


def _slope(reading: Reading) -> float:
    return reading.diagnostics["dlog_alo_dlog_lambda"] or 0.0
