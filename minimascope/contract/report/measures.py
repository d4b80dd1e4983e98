"""What each measure of a minimum says and does not say: the same on every page and in every report.

The numbers are those of the studies that the project ships (docs/boundary_complexity.md,
docs/boundary_study.md): τ is Kendall's rank correlation with the length of the decision boundary
over boundaries of growing complexity at equal training loss.
"""

from __future__ import annotations

from dataclasses import dataclass

EPSILON = 10**-0.75  # of G where minima are compared: the same for all


@dataclass(frozen=True)
class Measure:
    """Its name, and one sentence each of what it says and of what it does not."""

    name: str
    says: str
    not_says: str

    @property
    def sentence(self) -> str:
        """Both."""
        return f"{self.says} {self.not_says}"


COUNT_ABOVE = Measure(
    "Eigenvalues above a threshold",
    "At equal training loss, the more eigenvalues lie above one absolute threshold, the longer the "
    "decision boundary (τ {count}).",
    "Among minima of one data set, and at other losses, it does not order them.",
)
OUTLIERS = Measure(
    "Outliers above a share of λ₁",
    "How many directions are nearly as sharp as the sharpest.",
    "It does not follow the boundary's complexity (τ {ratio}): λ₁ grows with it and drags the "
    "threshold along.",
)
OUTLIERS_BY_GAP = Measure(
    "Outliers above the largest gap",
    "Where the spectrum has its widest step, which with few classes is near their number.",
    "It does not follow the boundary's complexity (τ {gap}).",
)
G = Measure(
    "G(ε)",
    "The share of eigenvectors that some training point aligns with above ε; with one ε near 0.1 "
    "to 0.2 for all it orders minima well.",
    "At each network's own ε, lower does not mean simpler, and at small ε its order turns round.",
)
N90 = Measure(
    "n₉₀",
    "How many eigenvectors hold 90\u202f% of the overlap; among minima of one data set it goes with "
    "the test loss.",
    "It does not follow the boundary's complexity (τ {n90}).",
)
SMALLEST = Measure(
    "Smallest margin",
    "How near the boundary comes to a training point that the network gets right: at least the "
    "certified bound, at most the closest crossing found.",
    "One point decides it; it says nothing of the test loss.",
)
MEDIAN = Measure(
    "Median margin",
    "How far the typical right training point is from the boundary; among minima of one data set "
    "it goes with the test loss.",
    "It is no bound for any single point.",
)
EVERY = (COUNT_ABOVE, G, N90, OUTLIERS, OUTLIERS_BY_GAP, SMALLEST, MEDIAN)
