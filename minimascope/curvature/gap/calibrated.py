"""What was measured about the intervals: σ of each kind of training, and what they covered.

The only constants of the rule that come from data, in one place: a new study changes this file
and nothing else. Sources: docs/practice_study.md.
"""

from __future__ import annotations

from dataclasses import dataclass

# Scale of log(gap/estimate), Student's law, beyond the scatter of one training set.
SIGMA: dict[str | None, float] = {
    "adam": 0.28,
    "adamw": 0.25,
    "lbfgs": 0.18,
    "sgd": 0.25,
    "other": 0.31,
    None: 0.31,
}
SMOOTHED = 0.20  # at most, where labels were smoothed
# Where Adam's second moments were not read from its state. 22 networks had a root mean square
# factor of 1.49 with the state, 1.83 with moments from gradients and 1.51 with one scalar; 13 drawn
# before they were trained were within a factor 2 in 85%, 77% and 69%.
SIGMA_WITHOUT_STATE = {"gradients": 0.49, "scalar": 0.49}


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


# The third blind set of the practice study: this rule, every number of it, was frozen before one of
# its networks was trained (docs/decisions/0029-close-fits.md).
COVERAGE = Coverage(networks=153, half=76, ninety=133)


def sigma_of(optimizer: str | None, moments: str | None = None, *, smoothed: bool = False) -> float:
    """σ for an optimiser; `moments` says where Adam's second moments come from."""
    if moments in SIGMA_WITHOUT_STATE:
        return SIGMA_WITHOUT_STATE[moments]
    return min(SIGMA[optimizer], SMOOTHED) if smoothed else SIGMA[optimizer]
