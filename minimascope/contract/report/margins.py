"""Margins in a report: certified distances to the boundary, and estimates along eigenvectors."""

from __future__ import annotations

from typing import Literal

from minimascope.contract.report.sections import Section


class PairMargin(Section):
    """Smallest margin over points of class `own` whose boundary point found is of `beyond`."""

    own: int
    beyond: int
    min: float


class PointMargin(Section):
    """One training point (its row) with its margin and the class beyond the boundary."""

    point: int
    margin: float
    own: int
    beyond: int


class CertifiedMargins(Section):
    """Distance to a verified boundary point: an upper bound on each true margin.

    `smallest`: the points of smallest margin, ascending; `searched`: how many points were, null
    where all, and then `median_standard_error` is what drawing those leaves open of the median,
    and `min` the smallest of those drawn; `norm` of the distances.
    """

    min: float | None
    median: float | None
    per_class: dict[str, float | None]
    argmin: int | None = None
    unreached: int = 0
    per_pair: list[PairMargin] = []
    smallest: list[PointMargin] = []
    searched: int | None = None
    median_standard_error: float | None = None
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
    certified: CertifiedMargins
    eigenvector: list[EigenvectorMargin]
    disagreement: str | None
    certified_linf: CertifiedMargins | None = None
