"""Certified margins in the report's words."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimascope.analysis.session.opening import class_count
from minimascope.boundary.margins import CertifiedMargins as Certified
from minimascope.boundary.margins import smallest_by_pair
from minimascope.contract.report import CertifiedMargins, PairMargin, PointMargin
from minimascope.curvature.minimum.minimum import Minimum

LISTED = 10  # points of smallest margin named in the report


def certified_section(minimum: Minimum, found: Certified, rows: Tensor) -> CertifiedMargins:
    """Summary of margins found for training `rows`, in the report's words."""
    labels = minimum.labels[rows]
    reached = found.values[found.values.isfinite()]
    return CertifiedMargins.of(
        found,
        min=float(reached.min()) if len(reached) else None,
        median=float(reached.median()) if len(reached) else None,
        per_class={
            str(c): smallest(found.values[labels == c]) for c in range(class_count(minimum) or 0)
        },
        argmin=None if found.argmin is None else int(rows[found.argmin]),
        per_pair=[
            PairMargin(own=own, beyond=beyond, min=value)
            for (own, beyond), value in smallest_by_pair(found).items()
        ],
        smallest=smallest_points(found, rows),
        searched=len(rows) if len(rows) < minimum.n else None,
        median_standard_error=median_error(reached, minimum.n),
    )


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


def smallest_points(found: Certified, rows: Tensor) -> list[PointMargin]:
    """The points of smallest margin, ascending."""
    order = found.values.nan_to_num(nan=torch.inf).argsort(stable=True)[:LISTED]
    return [
        PointMargin(
            point=int(rows[i]),
            margin=float(found.values[i]),
            own=int(found.classes[i]),
            beyond=int(found.beyond[i]),
        )
        for i in order.tolist()
        if found.beyond[i] >= 0
    ]


def smallest(values: Tensor) -> float | None:
    """Smallest margin of a class; None where none of its points reached another class."""
    reached = values[torch.isfinite(values)]
    return float(reached.min()) if len(reached) else None
