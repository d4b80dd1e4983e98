"""The generalization gap in a report: estimates, curves over λ, and the verdict on them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minimascope.contract.report.sections import Estimate, Section

Verdict = Literal[
    "reliable", "uncertain", "lower_bound", "upper_leaning", "no_estimate", "not_a_minimum"
]


class Headline(Section):
    name: str
    value: float
    standard_error: float | None


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
    chance_within_2: float | None = None


class GapPlan(Section):
    """Wall seconds planned for the sweep over λ and taken; GGN products of a matrix-free one."""

    seconds: float
    actual_seconds: float
    actual_products: int | None = None


class Gap(Section):
    """Estimates of the generalization gap (test − train mean NLL), and whether to believe them."""

    lambda_: float | None = Field(alias="lambda")
    headline: Headline | None
    verdict: Verdict
    reason: str
    estimates: dict[str, Estimate]
    curves: GapCurves
    measured: Estimate | None
    diagnostics: GapDiagnostics
    baselines: dict[str, float | None]
    route: str = ""
    route_reason: str = ""
    plan: GapPlan | None = None
