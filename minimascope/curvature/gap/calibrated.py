"""What was measured about the intervals: how wide they are, and what they covered.

The only constants of the rule that come from data, in one place: a new study changes this file
and nothing else. Sources: docs/practice_study.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Scale of log(gap/estimate), Student's law, beyond the scatter of one training set: at a minimum,
# and what is added in squares for each unit of 1 − ridge/filter. By every optimiser, 477 networks.
SIGMA, SIGMA_APART = 0.16, 0.6
SIGMA_UNNAMED = 0.31  # at least, where nobody named the optimiser; not fitted
# At least, where Adam's second moments were not read from its state. 22 networks had a root mean
# square factor of 1.49 with the state, 1.83 with moments from gradients and 1.51 with one scalar;
# 13 drawn before they were trained were within a factor 2 in 85%, 77% and 69%.
SIGMA_WITHOUT_STATE = 0.49


@dataclass(frozen=True)
class Coverage:
    """Of `networks`, how many had their measured gap inside the 50% and the 90% interval."""

    networks: int
    half: int
    ninety: int

    @property
    def sentence(self) -> str:
        """What a reader may expect of an interval that is called a 90% one."""
        return (
            f"On {self.networks} networks drawn before they were trained, the intervals called "
            f"90% held the measured gap in {self.ninety / self.networks:.0%}, those called 50% in "
            f"{self.half / self.networks:.0%}."
        )


# The fourth blind set of the practice study: this rule, every number of it, was frozen before one
# of its networks was trained (docs/decisions/0031-widths-by-bracket.md).
COVERAGE = Coverage(networks=150, half=87, ninety=139)


def sigma_of(optimizer: str | None, moments: str | None, bracket: float) -> float:
    """σ where the filter is `bracket` times the ridge, 1 at a minimum.

    The two ways to count the end of training are all that is known of how wrong either may be.
    moments says where Adam's second moments come from.
    """
    if moments in ("gradients", "scalar"):
        least = SIGMA_WITHOUT_STATE
    else:
        least = SIGMA_UNNAMED if optimizer in ("other", None) else 0.0
    return max(least, math.hypot(SIGMA, SIGMA_APART * (1 - 1 / max(bracket, 1.0))))
