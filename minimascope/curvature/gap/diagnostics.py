"""Diagnostics behind the verdict, from training data alone."""

from __future__ import annotations

import math

from torch import Tensor

from minimascope.curvature.gap.calibration import expected_calibration_error, fitted_temperature
from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.hessian_clipped import negative_mass
from minimascope.curvature.gap.lambda_grid import STEP, neighbours
from minimascope.curvature.gap.verdict import Evidence, LeftOut
from minimascope.objective.metric import share_left

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
        "ece_15": None if bins is None else expected_calibration_error(bins),
        "negative_mass": None if known is None else negative_mass(known.values),
    }


def diagnostics_at(
    given: Assembly, row: int, lambda_eff: float, ridge: LeftOut
) -> dict[str, float | None]:
    """Of leave-one-out at λ_eff, row `row` of the sweep."""
    increments = given.increments(row)
    rank = float(given.sweep.rank[row]) / given.likelihood.n
    low, high = (float(given.increments(given.sweep.at(x)).mean()) for x in neighbours(lambda_eff))
    top = increments.topk(math.ceil(TOP_SHARE * increments.shape[0])).values
    total = float(increments.sum())
    return {
        "t_alo": ridge.temperature,
        "tic_over_soft_rank": ridge.tic / rank if rank > 0 else None,
        "max_leverage": None
        if given.sweep.leverage is None
        else float(given.sweep.leverage[row].max()),
        "top5_share": float(top.sum()) / total if total > 0 else None,
        "dlog_alo_dlog_lambda": math.log(high / low) / (2 * STEP) if low > 0 < high else None,
        "gap_scatter": ridge.scatter,
    }


def ridge_at(given: Assembly, row: int) -> LeftOut:
    """Leave-one-out with stopping counted as a ridge."""
    contributions, _ = given.tic(row)
    n = given.likelihood.n
    rank = float(given.sweep.rank[row]) / n
    tic = float(contributions.mean())
    return _left_out(given, given.sweep.displacement[row], rank, tic)


def filtered_at(given: Assembly) -> LeftOut | None:
    """The same with stopping counted as gradient flow for its time; None at a minimum reached."""
    found = given.sweep.filtered
    if found is None:
        return None
    return _left_out(given, found.displacement, found.rank / given.likelihood.n, math.nan)


def _left_out(given: Assembly, displacement: Tensor, rank: float, tic: float) -> LeftOut:
    plain, n = given.plain, given.likelihood.n
    left_out = plain.at(plain.logits + displacement)
    increments = left_out.nll() - plain.nll()
    alo = float(increments.mean())
    scatter = math.hypot(
        scatter_of(increments, left_out.nll(), rank, n), given.sweep.numerical_error * alo
    )
    return LeftOut(alo, tic, rank, fitted_temperature(left_out), scatter)


def scatter_of(increments: Tensor, alo_loss: Tensor, rank_over_n: float, n: int) -> float:
    """Standard deviation (nats) of the gap around ALO: training mean, fit, and a sampled ALO.

    The leave-one-out losses stand for losses of the population. The part of the gap that is due to
    the fit is a sum of `rank` squares, so its s.d. is √(2/rank) of it. Where only m of n examples
    were drawn, their mean misses that of all by its standard error, finite sample corrected.
    """
    m = increments.shape[0]
    drawn = float(increments.std()) * math.sqrt(max(0.0, 1 / m - 1 / n))
    fit = float(increments.mean()) * math.sqrt(2 / (rank_over_n * n)) if rank_over_n > 0 else 0.0
    return math.hypot(float(alo_loss.std()) / math.sqrt(n), fit, drawn)


def evidence_of(given: Assembly, ridge: LeftOut) -> Evidence:
    """What the rules look at."""
    plain = given.likelihood.plain
    return Evidence(
        ridge=ridge,
        filtered=filtered_at(given),
        training=given.training,
        n=given.likelihood.n,
        gradient_share=gradient_share(given),
        scheduled=given.damping.known and not given.damping.converged,
        regression=given.likelihood.loss.varies,
        constant_loss=plain.loss.of_best_constant(plain.targets, plain.outputs),
    )


def gradient_share(given: Assembly) -> float | None:
    """‖∇L + Pθ‖ over ‖Pθ‖; None without a penalty."""
    return share_left(given.gradient, given.metric.penalty * given.minimum.theta)
