"""The generalization gap in a report: estimates, curves over λ, and the verdict on them."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from minimascope.contract.report.sections import Estimate, Section

Verdict = Literal["reliable", "uncertain", "no_estimate"]
Lies = Literal["inside", "above", "below"]
Z_OF_NINETY = 1.6449  # of the central 90% of a normal law


class Coverage(Section):
    """How often the intervals held the measured gap, of `networks` where both are known."""

    networks: int
    half: int
    ninety: int
    sentence: str


class Headline(Section):
    """The estimate in nats of plain mean NLL, with its 50% and 90% interval.

    A low end of 0 is read: at most the high one. `sigma` is the scale of log(gap/value), of
    Student's law with five degrees of freedom, beyond `scatter`, the standard deviation of the gap
    of one training set (nats).
    """

    name: str
    method: str = ""
    value: float
    half: tuple[float, float]
    ninety: tuple[float, float]
    sigma: float | None = None
    scatter: float | None = None
    coverage: Coverage | None = None

    def lies(self, measured: Estimate | None) -> Lies | None:
        """Where a measured gap lies with respect to the 90% interval; None without one.

        Its own standard error widens the interval, added in squares on each side.
        """
        if measured is None or measured.value is None:
            return None
        return lies(self.value, self.ninety, measured.value, measured.standard_error or 0.0)


def lies(value: float, ninety: tuple[float, float], measured: float, error: float) -> Lies:
    """Where a gap measured with a standard error lies with respect to a 90% interval."""
    low, high = ninety
    if measured > value + math.hypot(high - value, Z_OF_NINETY * error):
        return "above"
    # An interval that reaches 0 has no lower end.
    if low > 0 and measured < value - math.hypot(value - low, Z_OF_NINETY * error):
        return "below"
    return "inside"


class GapCurves(Section):
    """Over λ: soft ranks as ranks (not divided by n), TIC and ALO in nats."""

    lambda_: list[float] = Field(alias="lambda")
    soft_rank_ggn: list[float | None]
    soft_rank_hessian_clipped: list[float | None]
    tic_ggn: list[float | None]
    alo_ggn: list[float | None]
    tic_ggn_uncentred: list[float | None] | None = None
    tic_hessian_clipped: list[float | None] | None = None
    tic_hessian_clipped_uncentred: list[float | None] | None = None


class GapDiagnostics(Section):
    t_alo: float | None = None
    tic_over_soft_rank: float | None = None
    max_leverage: float | None = None
    top5_share: float | None = None
    dlog_alo_dlog_lambda: float | None = None
    ece_15: float | None = None
    negative_mass: float | None = None
    gap_scatter: float | None = None


class Check(Section):
    """One line of what the verdict rests on.

    `value` and `threshold` are null for what was told, not measured; `passed` is null where nobody
    told it.
    """

    name: str
    value: float | None = None
    threshold: float | None = None
    passed: bool | None = None
    sentence: str


class GapPlan(Section):
    """Wall seconds planned for the sweep over λ and taken; GGN products of a matrix-free one."""

    seconds: float
    actual_seconds: float
    actual_products: int | None = None


class Gap(Section):
    """Estimates of the generalization gap (test − train mean NLL), and whether to believe them.

    `at_least`: all that is said without a headline. `measured` and the headline are in plain NLL;
    where another loss was trained, `estimates` has both in that one too.
    """

    lambda_: float | None = Field(alias="lambda")
    headline: Headline | None
    at_least: float | None = None
    verdict: Verdict
    reason: str
    checks: list[Check] = []
    estimates: dict[str, Estimate]
    curves: GapCurves
    measured: Estimate | None
    diagnostics: GapDiagnostics
    baselines: dict[str, float | None]
    route: str = ""
    route_reason: str = ""
    plan: GapPlan | None = None

    @property
    def disowned(self) -> float | None:
        """What leave-one-out gave where the verdict stands by no number: to be ranked nowhere."""
        found = self.estimates.get("alo_ggn")
        return None if self.headline is not None or found is None else found.value
