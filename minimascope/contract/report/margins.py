"""Margins in a report: closest crossings with lower bounds beside them, estimates of eigenvectors.

The margin of a training point is the distance to the nearest input of another class. A crossing
that was found makes it at most so much; a proof that a whole ball has one class, at least so much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from minimascope.contract.report.sections import Section

CLOSED = 0.99  # lower over upper from which a bracket is as good as a number
USEFUL = 0.1  # below which the lower bound says nothing


class Bracket(Section):
    """At least `lower`, at most `upper`; null where nothing is known on that side."""

    lower: float | None = None
    upper: float | None = None

    @property
    def width(self) -> Literal["closed", "open", "useless", "unbounded", "none"]:
        """How much it says: `unbounded` without a lower end, `none` without an upper one."""
        if self.upper is None:
            return "none"
        if self.lower is None:
            return "unbounded"
        if self.lower >= CLOSED * self.upper:
            return "closed"
        return "open" if self.lower >= USEFUL * self.upper else "useless"

    def words(self, number: Callable[[float], str]) -> str:
        """In words, its ends written by `number`."""
        if self.upper is None:
            return "no crossing found"
        most = f"at most {number(self.upper)}"
        if self.lower is None:
            return f"{most}; not bounded below"
        if self.width == "useless":
            return f"{most}; no useful lower bound ({number(self.lower)} certified)"
        return f"at least {number(self.lower)}, {most}"

    def overlaps(self, other: Bracket) -> bool:
        """Whether the two margins may be the same; true where an end is not known."""
        if self.upper is None or other.upper is None:
            return True
        return (self.lower or 0.0) <= other.upper and (other.lower or 0.0) <= self.upper


class PairMargin(Section):
    """Smallest margin over points of class `own` whose closest crossing leads to `beyond`."""

    own: int
    beyond: int
    margin: Bracket


class PointMargin(Section):
    """One training point (its row) with its margin and the class beyond its closest crossing."""

    point: int
    margin: Bracket
    own: int
    beyond: int


class ClosestCrossings(Section):
    """Margins of the training points that the network gets right, in one norm.

    `misclassified`: points it gets wrong, which have a negative margin and are in no other number
    here (null where not counted). `smallest` is over all right points if `covered` is null, else
    its lower end holds for that many; its upper end comes from the `searched` (null where all).
    `bounded`: how many points have a lower bound of their own. `not_bounded` says why none has.
    `nearest`: the points of smallest margin, ascending. `median_standard_error` is what drawing
    the searched ones leaves open of the median.
    """

    smallest: Bracket
    median: Bracket
    per_class: dict[str, Bracket]
    misclassified: int | None = None
    argmin: int | None = None
    unreached: int = 0
    per_pair: list[PairMargin] = []
    nearest: list[PointMargin] = []
    searched: int | None = None
    median_standard_error: float | None = None
    bounded: int = 0
    covered: int | None = None
    method: str = ""
    not_bounded: str | None = None
    norm: Literal["l2", "linf"] = "l2"


class EigenvectorMargin(Section):
    """Margin estimate of arXiv 2306.07104 for eigenvector k (1-based), with its checks."""

    k: int
    estimate: float | None
    cos2: float | None
    logit_gap: float | None
    moved: float | None
    starts_kept: int


class Margins(Section):
    """In both norms; `linf` is null where only one was searched."""

    l2: ClosestCrossings
    eigenvector: list[EigenvectorMargin]
    disagreement: str | None
    linf: ClosestCrossings | None = None
