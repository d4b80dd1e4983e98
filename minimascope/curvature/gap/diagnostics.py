"""Diagnostics behind the verdict, from training data alone."""

from __future__ import annotations

import math

from torch import Tensor

from minimascope.curvature.gap.calibration import expected_calibration_error, fitted_temperature
from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.hessian_clipped import negative_mass
from minimascope.curvature.gap.lambda_grid import STEP, neighbours
from minimascope.curvature.gap.result import GapEstimate
from minimascope.curvature.gap.verdict import Evidence
from minimascope.objective.likelihood import Likelihood

TOP_SHARE = 0.05


def plain_diagnostics(given: Assembly) -> dict[str, float | None]:
    bins, known = given.calibration, given.hessian
    return {
        "t_alo": None,
        "tic_over_soft_rank": None,
        "max_leverage": None,
        "top5_share": None,
        "dlog_alo_dlog_lambda": None,
        "gap_scatter": None,
        "chance_within_2": None,
        "ece_15": None if bins is None else expected_calibration_error(bins),
        "negative_mass": None if known is None else negative_mass(known.values),
    }


def diagnostics_at(
    given: Assembly, row: int, alo: Likelihood, lambda_eff: float
) -> dict[str, float | None]:
    increments = given.increments(row)
    contributions, centring = given.tic(row)
    rank = float(given.sweep.rank[row]) / given.likelihood.n
    low, high = (float(given.increments(given.sweep.at(x)).mean()) for x in neighbours(lambda_eff))
    top = increments.topk(math.ceil(TOP_SHARE * increments.shape[0])).values
    total = float(increments.sum())
    tic = float(contributions.mean()) - centring
    return {
        "t_alo": fitted_temperature(alo),
        "tic_over_soft_rank": tic / rank if rank > 0 else None,
        "max_leverage": None
        if given.sweep.leverage is None
        else float(given.sweep.leverage[row].max()),
        "top5_share": float(top.sum()) / total if total > 0 else None,
        "dlog_alo_dlog_lambda": math.log(high / low) / (2 * STEP) if low > 0 < high else None,
        "gap_scatter": math.hypot(
            _scatter(increments, alo.nll(), rank, given.likelihood.n),
            given.sweep.numerical_error * float(increments.mean()),
        ),
    }


def _scatter(increments: Tensor, alo_loss: Tensor, rank_over_n: float, n: int) -> float:
    """Standard deviation (nats) of the gap around ALO: training mean, fit, and a sampled ALO.

    The leave-one-out losses stand for losses of the population. The part of the gap that is due to
    the fit is a sum of `rank` squares, so its s.d. is √(2/rank) of it. Where only m of n examples
    were drawn, their mean misses that of all by its standard error, finite sample corrected.
    """
    m = increments.shape[0]
    drawn = float(increments.std()) * math.sqrt(max(0.0, 1 / m - 1 / n))
    fit = float(increments.mean()) * math.sqrt(2 / (rank_over_n * n)) if rank_over_n > 0 else 0.0
    return math.hypot(float(alo_loss.std()) / math.sqrt(n), fit, drawn)


def evidence_of(
    given: Assembly,
    estimates: dict[str, GapEstimate],
    diagnostics: dict[str, float | None],
    newton: float | None,
    newton_is_exact: bool,
) -> Evidence:
    return Evidence(
        loss=given.likelihood.loss,
        alo=estimates["alo_ggn"].value or 0.0,
        tic=estimates["tic_ggn"].value or 0.0,
        soft_rank=estimates["soft_rank_ggn"].value or 0.0,
        t_alo=diagnostics["t_alo"] or 0.0,
        max_leverage=diagnostics["max_leverage"] or 0.0,
        slope=diagnostics["dlog_alo_dlog_lambda"],
        scatter=diagnostics["gap_scatter"] or 0.0,
        newton=newton,
        newton_is_exact=newton_is_exact,
        pure_weight_decay=given.damping.converged,
    )
