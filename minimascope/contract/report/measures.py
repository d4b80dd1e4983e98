"""What each measure of a minimum says and does not say: the same on every page and in every report.

`TAU` are the least and the largest Kendall τ with the length of the decision boundary, over four
groups of 12 to 14 networks at equal training loss (docs/boundary_complexity.md; a test holds them
against the results); what is said of test loss is from 11 minima of one data set.
"""

from __future__ import annotations

from dataclasses import dataclass

EPSILON = 10**-0.75  # of G where minima are compared: the same for all
TAU: dict[str, tuple[float, float]] = {
    "above 0.1": (0.86, 0.95),
    "outliers above 0.1 λ1": (0.60, 0.83),
    "outliers above the largest gap": (-0.36, -0.15),
    "n90": (-0.79, 0.05),
    "G at its own ε": (-0.61, -0.07),
    "G at 0.178": (0.30, 0.58),
    "median margin": (-0.98, -0.97),
    "smallest margin": (-0.42, -0.15),
}


def _tau(measure: str) -> str:
    low, high = (f"{end:.2f}".replace("-", "−") for end in TAU[measure])
    return f"τ {low} to {high}"


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
    "At equal training loss, the more eigenvalues lie above one absolute threshold, the longer is "
    f"the decision boundary ({_tau('above 0.1')} for 0.1).",
    "It does not order minima of one data set, nor any at different losses.",
)
G = Measure(
    "G(ε)",
    "The share of eigenvectors that some training point aligns with above ε; with one ε for all it "
    f"grows with the boundary's length ({_tau('G at 0.178')} for 0.18), more surely for larger ε.",
    f"At each network's own ε, lower does not mean simpler ({_tau('G at its own ε')}).",
)
N90 = Measure(
    "n₉₀",
    "How many eigenvectors hold 90\u202f% of the alignment; among minima of one data set fewer "
    "went with a lower test loss.",
    f"It does not grow with the boundary's length ({_tau('n90')}).",
)
OUTLIERS = Measure(
    "Outliers above a share of λ₁",
    "How many directions are nearly as sharp as the sharpest.",
    "It follows the boundary's length less surely than a count above an absolute threshold "
    f"({_tau('outliers above 0.1 λ1')}): λ₁ grows too and takes the threshold along.",
)
OUTLIERS_BY_GAP = Measure(
    "Outliers above the largest gap",
    "Where the spectrum has its widest step.",
    f"It says nothing of the boundary's length ({_tau('outliers above the largest gap')}).",
)
SMALLEST = Measure(
    "Smallest margin",
    "How near the boundary comes to a training point that the network gets right: at least the "
    "certified bound, at most the closest crossing found.",
    "One point decides it: it went neither with the test loss nor with the boundary's length "
    f"({_tau('smallest margin')}).",
)
MEDIAN = Measure(
    "Median margin",
    "How far the typical right training point is from the boundary; it shrinks as the boundary "
    f"grows ({_tau('median margin')}), and among minima of one data set a larger one went with a "
    "lower test loss.",
    "It is no bound for any single point.",
)
EVERY = (COUNT_ABOVE, G, N90, OUTLIERS, OUTLIERS_BY_GAP, SMALLEST, MEDIAN)
