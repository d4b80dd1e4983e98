"""Closest crossings and lower bounds in the report's words."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimascope.analysis.costs.certificates import BoundSizes
from minimascope.analysis.session.opening import class_count
from minimascope.analysis.stages.margin_bounds import Lower
from minimascope.analysis.stages.margin_search import labels
from minimascope.boundary.margins import ClosestCrossings as Found
from minimascope.contract.report import Bracket, ClosestCrossings, PairMargin, PointMargin
from minimascope.curvature.minimum.minimum import Minimum

LISTED = 10  # points of smallest margin named in the report


def crossings_section(
    minimum: Minimum, found: Found, rows: Tensor, lower: Lower, sizes: BoundSizes
) -> ClosestCrossings:
    """Summary of what was found for training `rows`, over those that the network gets right."""
    right = lower.right[rows.cpu()]
    upper = torch.where(right, found.values.double().cpu(), torch.nan)
    below = lower.values[rows.cpu()]
    reached = upper[upper.isfinite()]
    bounded = sizes.graph is not None
    argmin = int(upper.nan_to_num(nan=torch.inf).argmin()) if len(reached) else None
    return ClosestCrossings(
        smallest=smallest(upper, lower.values if bounded else below),
        median=_median(upper, below, all_bounded=lower.bounded >= len(reached)),
        per_class=_per_class(minimum, rows, upper, lower),
        misclassified=int((~lower.right).sum()),
        argmin=None if argmin is None else int(rows[argmin]),
        unreached=int((right & found.values.cpu().isnan()).sum()),
        per_pair=_pairs(found, upper, below),
        nearest=_nearest(found, rows, upper, below),
        searched=len(rows) if len(rows) < minimum.n else None,
        median_standard_error=median_error(reached, minimum.n),
        bounded=lower.bounded,
        covered=lower.covered if 0 < lower.covered < minimum.n else None,
        method=lower.method(minimum.n) if lower.covered else "",
        not_bounded=sizes.reason if bounded is False else None,
        norm=found.norm,
    )


def smallest(upper: Tensor, lower: Tensor) -> Bracket:
    """Of the least of both; each without its NaN."""
    most, least = (values[values.isfinite()] for values in (upper, lower))
    if not len(most):
        return Bracket()
    return Bracket(
        lower=float(torch.minimum(least.min(), most.min())) if len(least) else None,
        upper=float(most.min()),
    )


def _median(upper: Tensor, lower: Tensor, *, all_bounded: bool) -> Bracket:
    """The lower end is the median of lower bounds, where every point has one of its own."""
    known = upper.isfinite()
    if not bool(known.any()):
        return Bracket()
    below = lower[known & lower.isfinite()]
    least = float(below.median()) if all_bounded and len(below) == int(known.sum()) else None
    return Bracket(lower=least, upper=float(upper[known].median()))


def _per_class(minimum: Minimum, rows: Tensor, upper: Tensor, lower: Lower) -> dict[str, Bracket]:
    everything = labels(minimum, torch.arange(minimum.n, device=rows.device)).cpu()
    mine = everything[rows.cpu()]
    found: dict[str, Bracket] = {}
    for label in range(class_count(minimum) or 0):
        values = lower.values[(everything == label) & lower.right]
        # Holds for all points of the class or, where not all are covered, for those that are.
        found[str(label)] = smallest(upper[mine == label], values)
    return found


def _pairs(found: Found, upper: Tensor, lower: Tensor) -> list[PairMargin]:
    own, beyond = found.classes.cpu(), found.beyond.cpu()
    known = upper.isfinite()
    pairs = torch.stack([own, beyond], dim=1)[known].unique(dim=0)
    sections: list[PairMargin] = []
    for one, other in pairs.tolist():
        there = known & (own == one) & (beyond == other)
        margin = smallest(upper[there], lower[there])
        sections.append(PairMargin(own=one, beyond=other, margin=margin))
    return sections


def median_error(sample: Tensor, n: int) -> float | None:
    """Standard error of the median of a sample of n points; None where it is all of them.

    Half the distance of the order statistics one standard deviation of the binomial count to both
    sides of the middle (David & Nagaraja 2003, section 7.1), times √(1 − m/n) for m of n without
    replacement.
    """
    m = len(sample)
    if not 2 <= m < n:
        return None
    ordered, reach = sample.double().sort().values, math.sqrt(m) / 2
    low = max(0, math.floor(m / 2 - reach))
    high = min(m - 1, math.ceil(m / 2 + reach))
    return float(ordered[high] - ordered[low]) / 2 * math.sqrt(1 - m / n)


def _nearest(found: Found, rows: Tensor, upper: Tensor, lower: Tensor) -> list[PointMargin]:
    """The points of smallest margin, ascending."""
    order = upper.nan_to_num(nan=torch.inf).argsort(stable=True)[:LISTED]
    return [
        PointMargin(
            point=int(rows[i]),
            margin=smallest(upper[i : i + 1], lower[i : i + 1]),
            own=int(found.classes[i]),
            beyond=int(found.beyond[i]),
        )
        for i in order.tolist()
        if bool(upper[i].isfinite())
    ]
