"""Estimates at λ_eff, each with its standard error and method, and the curves over λ."""

from __future__ import annotations

import math

from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.hessian_clipped import HessianClipped, clipped_rank
from minimascope.curvature.gap.proxies import proxy_estimates
from minimascope.curvature.gap.result import GapEstimate
from minimascope.curvature.gap.verdict import Evidence, soft_rank_note
from minimascope.curvature.sweep.result import Part

UNFINISHED = "no number: time was over too early"
MADE_OF: dict[str, Part] = {
    "alo_ggn": "displacement",
    "soft_rank_ggn": "rank",
    "tic_ggn": "quadratic",
    "tic_ggn_uncentred": "quadratic",
}


def estimates_at(
    given: Assembly, row: int, lambda_: float, clipped: HessianClipped | None, evidence: Evidence
) -> dict[str, GapEstimate]:
    n, sweep = given.likelihood.n, given.sweep
    increments = given.increments(row)
    contributions, centring = given.tic(row)
    m = increments.shape[0]
    tic_error = float(contributions.std()) / math.sqrt(contributions.shape[0])
    uncentred = float(contributions.mean())
    over = f"{sweep.method}; {_sampling(m, n)}"
    tic_over = over if given.exact_route else f"{sweep.method}; {_signs(contributions.shape[0], n)}"
    rank = float(sweep.rank[row]) / n
    rank_error = None if sweep.rank_error is None else float(sweep.rank_error[row]) / n
    t_alo = evidence.ridge.temperature
    note = soft_rank_note(t_alo, regression=evidence.regression)
    found = {
        "alo_ggn": GapEstimate(
            float(increments.mean()), float(increments.std()) / math.sqrt(m), over
        ),
        "soft_rank_ggn": GapEstimate(
            rank, rank_error, "; ".join(filter(None, [sweep.method, note]))
        ),
        "tic_ggn": GapEstimate(uncentred - centring, tic_error, f"centred; {tic_over}"),
        "tic_ggn_uncentred": GapEstimate(uncentred, tic_error, tic_over),
    }
    for name, part in MADE_OF.items():
        if not sweep.still(part, row):
            found[name] = GapEstimate(None, None, f"{UNFINISHED}; {sweep.method}")
    if evidence.filtered is not None and sweep.still("displacement", row):
        found["alo_filter"] = GapEstimate(evidence.filtered.alo, None, _filter_method(given))
    found |= _hessian_estimates(given, lambda_, clipped)
    if not given.training.copies:
        found |= proxy_estimates(
            given.minimum, given.likelihood, given.metric, lambda_, seed=given.seed
        )
    if given.likelihood.loss.varies and sweep.still("rank", row):
        found["soft_rank_ggn_noise_corrected"] = GapEstimate(
            rank * t_alo, None, "soft rank/n times the leave-one-out noise variance"
        )
    return found


def _filter_method(given: Assembly) -> str:
    said = "leave-one-out, gradient flow stopped after T as a filter"
    of_flow = given.sweep.filtered
    if of_flow is None or not of_flow.averaged:
        return said
    return (
        f"{said}; weight decay differs by parameter and was averaged, which in small networks "
        "moved this number by up to 27%"
    )


def _sampling(m: int, n: int) -> str:
    """What the standard error of a mean over examples is about."""
    if m == n:
        return (
            f"the mean over all {n} training examples, which has no error of its own: the standard "
            "error is that of a training set of this size"
        )
    return f"standard error over the {m} examples drawn"


def _signs(probes: int, n: int) -> str:
    return f"all {n} examples, standard error over {probes} random signs"


def _hessian_estimates(
    given: Assembly, lambda_: float, clipped: HessianClipped | None
) -> dict[str, GapEstimate]:
    n = given.likelihood.n
    missing = GapEstimate(None, None, "needs every eigenvalue and eigenvector of H")
    found = dict.fromkeys(
        ["soft_rank_hessian_clipped", "tic_hessian_clipped", "tic_hessian_clipped_uncentred"],
        missing,
    )
    method = "exact, all eigenpairs of H, negative ones set to 0"
    if given.scaled_hessian is not None:
        value = clipped_rank(given.scaled_hessian.values, lambda_) / n
        found["soft_rank_hessian_clipped"] = GapEstimate(value, None, method)
    if clipped is not None:
        uncentred = clipped.tic(n, lambda_)
        centring = clipped.quadratic(given.metric.scaled(given.gradient), lambda_) / n
        found["tic_hessian_clipped"] = GapEstimate(uncentred - centring, None, method)
        found["tic_hessian_clipped_uncentred"] = GapEstimate(uncentred, None, method)
    return found


def curves_of(given: Assembly, clipped: HessianClipped | None) -> dict[str, list[float | None]]:
    rows = [given.sweep.at(x) for x in given.grid]
    pieces = [given.tic(row) for row in rows]
    n, known = given.likelihood.n, given.scaled_hessian
    gradient = given.metric.scaled(given.gradient)
    empty: list[float | None] = [None] * len(rows)
    return {
        "lambda": [*given.grid],
        "soft_rank_ggn": [given.drawn(row, float(given.sweep.rank[row])) for row in rows],
        "soft_rank_hessian_clipped": empty
        if known is None
        else [clipped_rank(known.values, x) for x in given.grid],
        "tic_ggn": [
            given.drawn(row, float(each.mean()) - centring)
            for row, (each, centring) in zip(rows, pieces, strict=True)
        ],
        "tic_ggn_uncentred": [
            given.drawn(row, float(each.mean()))
            for row, (each, _) in zip(rows, pieces, strict=True)
        ],
        "tic_hessian_clipped_uncentred": empty
        if clipped is None
        else [clipped.tic(n, x) for x in given.grid],
        "tic_hessian_clipped": empty
        if clipped is None
        else [clipped.tic(n, x) - clipped.quadratic(gradient, x) / n for x in given.grid],
        "alo_ggn": [given.drawn(row, float(given.increments(row).mean())) for row in rows],
    }
