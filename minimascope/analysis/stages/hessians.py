"""What a report says of any Hessian: its trace with its error, its outliers by both rules."""

from __future__ import annotations

from typing import Protocol

from minimascope.contract.report import Estimate, GapOutliers, Outliers, RatioOutliers

OUTLIER_RATIO = 0.1  # q of the first outlier rule; the page lets people move it


class Traced(Protocol):
    """A result with a trace; its standard error is None where that is exact."""

    @property
    def trace(self) -> float | None: ...

    @property
    def trace_standard_error(self) -> float | None: ...


def trace_estimate(found: Traced) -> Estimate:
    """The trace as a report says it."""
    error = found.trace_standard_error
    method = "exact" if error is None else "stochastic"
    return Estimate(value=found.trace, standard_error=error, method=method)


def outlier_counts(by_ratio: int, by_gap: int) -> Outliers:
    """Outliers above q·λ₁, and above the largest gap."""
    return Outliers(
        by_ratio=RatioOutliers(q=OUTLIER_RATIO, count=by_ratio), by_gap=GapOutliers(count=by_gap)
    )
