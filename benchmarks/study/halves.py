"""How well λ from a schedule is known, and how much ALO may depend on it: fixed on half the study.

λ_eff of an early-stopped network is an equivalence, not a measurement (docs/mathematics.md,
"Verdict"). To first order log(ALO/gap) = s·ε, with s = d log ALO/d log λ known for each network
and ε the error of log λ_eff. σ, the root mean square of ε, comes from the networks of one half;
the limit on |s| is the largest that leaves 90% of them within ×2 if ε is normal with that σ.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass

from study.agreement import off_by
from study.judging import Reading, judged

SEED = 0
WANTED_SHARE, FACTOR, WORST = 0.9, 2.0, 3.0


@dataclass(frozen=True)
class Limit:
    """σ of log λ_eff over `count` networks, and the limit on |d log ALO/d log λ| it gives."""

    sigma: float
    limit: float
    count: int


@dataclass(frozen=True)
class Outcome:
    """`reliable` networks of one half under a limit: within ×2, and off by more than ×3."""

    count: int
    inside: int
    wrong: int

    @property
    def holds(self) -> bool:
        """Both criteria of the study; a half without a reliable network says nothing."""
        return self.count > 0 and self.inside >= WANTED_SHARE * self.count and self.wrong == 0


def halves(primary: list[Reading], *, seed: int = SEED) -> tuple[list[Reading], list[Reading]]:
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


def fixed_on(half: list[Reading]) -> Limit:
    """From the networks of a half that would be `reliable` if λ from their schedule were right."""
    slopes = {each.name: slope for each in half if (slope := _slope(each)) is not None}
    errors = [
        math.log(each.estimate("alo_ggn") / each.gap) / slopes[each.name]
        for each in half
        if each.name in slopes
    ]
    sigma = math.sqrt(sum(x * x for x in errors) / len(errors))
    kept = 0.0
    covered: list[float] = []
    for slope in sorted(slopes.values()):
        covered.append(math.erf(math.log(FACTOR) / (sigma * slope * math.sqrt(2))))
        if sum(covered) / len(covered) >= WANTED_SHARE:
            kept = slope
    return Limit(sigma, kept, len(errors))


def outcome(half: list[Reading], limit: float) -> Outcome:
    """What `reliable` would mean in this half with that limit."""
    kept = [each for each in half if _candidate(each) and _inside(each, limit)]
    off = [off_by(each.estimate("alo_ggn"), each.gap) for each in kept]
    return Outcome(len(kept), sum(x <= FACTOR for x in off), sum(x > WORST for x in off))


def _candidate(reading: Reading) -> bool:
    return judged(reading, lambda_is_right=True)[0] == "reliable"


def _slope(reading: Reading) -> float | None:
    """|d log ALO/d log λ| of a candidate whose λ comes from a schedule."""
    found = reading.diagnostics["dlog_alo_dlog_lambda"]
    if reading.pure_weight_decay or found is None or not _candidate(reading):
        return None
    return abs(found)


def _inside(reading: Reading, limit: float) -> bool:
    slope = _slope(reading)
    return reading.pure_weight_decay or (slope is not None and slope <= limit)
