"""From one sweep over λ to the result: estimates, curves, diagnostics, baselines and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from workers.curvature.baselines import baselines, measured_gap
from workers.curvature.calibration import (
    expected_calibration_error,
    fitted_temperature,
    reliability,
)
from workers.curvature.damping import STEP, Damping, neighbours
from workers.curvature.gap_proxies import proxy_estimates
from workers.curvature.gap_result import GapEstimate, GapHeadline, GapResult, Spent
from workers.curvature.gap_routes import RoutePlan
from workers.curvature.hessian_clipped import (
    HessianClipped,
    clipped_rank,
    hessian_clipped,
    negative_mass,
)
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum
from workers.curvature.sweep import Sweep
from workers.curvature.verdict import (
    Evidence,
    Verdict,
    chance_within_two,
    judge,
    reached_minimum,
    soft_rank_note,
)

TOP_SHARE = 0.05


@dataclass(frozen=True)
class Assembly:
    """Everything already computed that the result is made of."""

    minimum: Minimum
    likelihood: Likelihood
    sweep: Sweep
    damping: Damping
    weight_decay: float | None
    ridge: float | None
    grid: list[float]
    gradient: Tensor
    hessian_eigenvalues: Tensor | None
    hessian_eigenvectors: Tensor | None
    calibration: Tensor | None
    seed: int
    plan: RoutePlan
    spent: Spent

    @property
    def sampled(self) -> Likelihood:
        """The examples of the sweep."""
        return self.likelihood.select(self.sweep.examples)

    @property
    def exact(self) -> bool:
        """Whether the sweep covers all examples."""
        return self.sweep.examples.shape[0] == self.likelihood.n

    @property
    def exact_route(self) -> bool:
        """Whether nothing in the sweep is iterative."""
        return self.sweep.settled is None

    def drawn(self, row: int, value: float) -> float | None:
        """A number of a curve; None where an iterative route did not get that far."""
        settled = self.sweep.settled
        return value if settled is None or bool(settled[row]) else None

    def increments(self, row: int) -> Tensor:
        """(m,) leave-one-out minus training loss of each example."""
        sampled = self.sampled
        return sampled.nll(sampled.logits + self.sweep.displacement[row]) - sampled.nll()

    def tic(self, row: int) -> tuple[Tensor, float]:
        """Uncentred contributions of examples or random signs, and the centring term."""
        n = self.likelihood.n
        return self.sweep.quadratic[row] / n, float(self.sweep.mean_quadratic[row]) / n


def assemble(given: Assembly, *, test: tuple[Tensor, Tensor] | None) -> GapResult:
    """The result; without λ_eff only curves and what does not depend on λ."""
    clipped = _clipped(given)
    lambda_eff = given.damping.value
    newton = _newton(given, clipped)
    estimates: dict[str, GapEstimate] = {}
    diagnostics = _plain_diagnostics(given)
    verdict: Verdict = "no_estimate"
    reason = given.damping.source
    headline, is_minimum, alo_likelihood = None, None, None
    if lambda_eff is not None:
        row = given.sweep.at(lambda_eff)
        alo_likelihood = given.sampled.at(given.sampled.logits + given.sweep.displacement[row])
        diagnostics |= _diagnostics(given, row, alo_likelihood, lambda_eff)
        estimates = _estimates(given, row, lambda_eff, clipped, diagnostics["t_alo"] or 0.0)
        evidence = _evidence(given, estimates, diagnostics, newton, clipped is not None)
        verdict, reason = judge(evidence)
        diagnostics["chance_within_2"] = chance_within_two(evidence)
        is_minimum = reached_minimum(newton, evidence.alo, evidence.tic)
        alo = estimates["alo_ggn"]
        headline = GapHeadline("alo_ggn", evidence.alo, alo.standard_error)
    half_logdet = (
        None if lambda_eff is None else float(given.sweep.half_logdet[given.sweep.at(lambda_eff)])
    )
    return GapResult(
        lambda_=lambda_eff,
        lambda_source=given.damping.source,
        headline=None if verdict == "no_estimate" else headline,
        verdict=verdict,
        reason=reason,
        estimates=estimates,
        curves=_curves(given, clipped),
        measured=_measured(given, test),
        diagnostics=diagnostics,
        baselines=baselines(
            given.minimum,
            given.likelihood,
            hessian_eigenvalues=given.hessian_eigenvalues,
            ggn_eigenvalues=given.sweep.eigenvalues,
            half_logdet=half_logdet,
        )
        | _noise(given, diagnostics),
        weight_decay=given.weight_decay,
        gradient_norm=float(given.gradient.norm()),
        regularized_gradient_norm=_regularized_norm(given),
        newton_decrement=newton,
        is_minimum=is_minimum,
        train_loss=given.likelihood.nll(),
        alo_loss=alo_likelihood.nll() if alo_likelihood is not None and given.exact else None,
        calibration=given.calibration,
        calibration_alo=_alo_calibration(given, alo_likelihood),
        route=given.plan.route,
        route_reason=given.plan.reason,
        spent=given.spent,
    )


def _clipped(given: Assembly) -> HessianClipped | None:
    e, V = given.hessian_eigenvalues, given.hessian_eigenvectors
    if e is None or V is None or V.shape[0] != e.shape[0]:
        return None
    return hessian_clipped(given.minimum, given.likelihood, e, V)


def _newton(given: Assembly, clipped: HessianClipped | None) -> float | None:
    if given.ridge is None:
        return None
    if clipped is None:
        return given.sweep.newton
    return 0.5 * clipped.quadratic(_regularized(given), given.ridge)


def _regularized(given: Assembly) -> Tensor:
    return given.gradient + (given.weight_decay or 0.0) * given.minimum.theta


def _regularized_norm(given: Assembly) -> float | None:
    return None if given.weight_decay is None else float(_regularized(given).norm())


def _estimates(
    given: Assembly, row: int, lambda_: float, clipped: HessianClipped | None, t_alo: float
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
    note = soft_rank_note(t_alo, given.likelihood.loss)
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
    found |= _hessian_estimates(given, lambda_, clipped)
    found |= proxy_estimates(given.minimum, given.likelihood, lambda_, seed=given.seed)
    if given.likelihood.loss == "mse":
        found["soft_rank_ggn_noise_corrected"] = GapEstimate(
            rank * t_alo, None, "soft rank/n times the leave-one-out noise variance"
        )
    return found


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
    if given.hessian_eigenvalues is not None:
        value = clipped_rank(given.hessian_eigenvalues, lambda_) / n
        found["soft_rank_hessian_clipped"] = GapEstimate(value, None, method)
    if clipped is not None:
        uncentred = clipped.tic(n, lambda_)
        centring = clipped.quadratic(given.gradient, lambda_) / n
        found["tic_hessian_clipped"] = GapEstimate(uncentred - centring, None, method)
        found["tic_hessian_clipped_uncentred"] = GapEstimate(uncentred, None, method)
    return found


def _curves(given: Assembly, clipped: HessianClipped | None) -> dict[str, list[float | None]]:
    rows = [given.sweep.at(x) for x in given.grid]
    pieces = [given.tic(row) for row in rows]
    n, e = given.likelihood.n, given.hessian_eigenvalues
    empty: list[float | None] = [None] * len(rows)
    return {
        "lambda": [*given.grid],
        "soft_rank_ggn": [given.drawn(row, float(given.sweep.rank[row])) for row in rows],
        "soft_rank_hessian_clipped": empty
        if e is None
        else [clipped_rank(e, x) for x in given.grid],
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
        else [clipped.tic(n, x) - clipped.quadratic(given.gradient, x) / n for x in given.grid],
        "alo_ggn": [given.drawn(row, float(given.increments(row).mean())) for row in rows],
    }


def _plain_diagnostics(given: Assembly) -> dict[str, float | None]:
    e, bins = given.hessian_eigenvalues, given.calibration
    return {
        "t_alo": None,
        "tic_over_soft_rank": None,
        "max_leverage": None,
        "top5_share": None,
        "dlog_alo_dlog_lambda": None,
        "gap_scatter": None,
        "chance_within_2": None,
        "ece_15": None if bins is None else expected_calibration_error(bins),
        "negative_mass": None if e is None else negative_mass(e),
    }


def _diagnostics(
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


def _evidence(
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
        pure_weight_decay=given.damping.pure_weight_decay,
    )


def _measured(given: Assembly, test: tuple[Tensor, Tensor] | None) -> GapEstimate | None:
    if test is None:
        return None
    gap, error = measured_gap(given.minimum, given.likelihood, test)
    return GapEstimate(gap, error, "mean test loss − mean train loss; sd(test loss)/√n_test")


def _noise(given: Assembly, diagnostics: dict[str, float | None]) -> dict[str, float | None]:
    if given.likelihood.loss != "mse":
        return {"temperature_train": fitted_temperature(given.likelihood)}
    return {
        "noise_variance_train": fitted_temperature(given.likelihood),
        "noise_variance_alo": diagnostics["t_alo"],
    }


def _alo_calibration(given: Assembly, alo: Likelihood | None) -> Tensor | None:
    if alo is None or not given.exact or alo.loss == "mse":
        return None
    return reliability(alo)
