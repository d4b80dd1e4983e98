"""From one sweep over λ to the result: estimates, curves, diagnostics, baselines and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from minimascope.curvature.gap.at_lambda import curves_of, estimates_at
from minimascope.curvature.gap.baselines import baselines
from minimascope.curvature.gap.calibrated import COVERAGE
from minimascope.curvature.gap.calibration import fitted_temperature, reliability
from minimascope.curvature.gap.checks import Check, checks
from minimascope.curvature.gap.diagnostics import (
    diagnostics_at,
    evidence_of,
    gradient_share,
    plain_diagnostics,
    ridge_at,
)
from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.hessian_clipped import HessianClipped, hessian_clipped
from minimascope.curvature.gap.measured import measured_gap, on_test
from minimascope.curvature.gap.moved_network import moved_losses
from minimascope.curvature.gap.result import GapEstimate, GapHeadline, GapResult
from minimascope.curvature.gap.verdict import Evidence, Judgement, judge
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import CONVERGED

BROKEN_OFF = (
    "Time was over before leave-one-out of enough examples stood still, and unfinished it says "
    "nothing: give it more seconds, a GPU, or fewer examples."
)


@dataclass(frozen=True)
class Judged:
    """All that depends on λ_eff; without it nothing is estimated, and the judgement says why."""

    judgement: Judgement
    checks: list[Check] = field(default_factory=list)
    estimates: dict[str, GapEstimate] = field(default_factory=dict)
    diagnostics: dict[str, float | None] = field(default_factory=dict)
    headline: GapHeadline | None = None
    alo: Likelihood | None = None
    moved: Tensor | None = None
    half_logdet: float | None = None


def assemble(given: Assembly, *, test: tuple[Tensor, Tensor] | None) -> GapResult:
    """The result; without λ_eff only curves and what does not depend on λ."""
    clipped = None
    if given.scaled_hessian is not None:
        clipped = hessian_clipped(
            given.minimum, given.likelihood, given.scaled_hessian, given.metric.root
        )
    newton = _newton(given, clipped)
    judged = _judged(given, clipped)
    tested = None if test is None else on_test(given.minimum, test)
    share = gradient_share(given)
    diagnostics = plain_diagnostics(given) | judged.diagnostics
    known = baselines(
        given.minimum,
        given.likelihood,
        hessian_eigenvalues=None if given.hessian is None else given.hessian.values,
        ggn_eigenvalues=given.sweep.eigenvalues if given.metric.root is None else None,
        half_logdet=judged.half_logdet,
    )
    return GapResult(
        lambda_=given.damping.value,
        lambda_source=given.damping.source,
        headline=judged.headline,
        at_least=judged.judgement.at_least,
        verdict=judged.judgement.verdict,
        reason=judged.judgement.reason,
        checks=judged.checks,
        estimates=judged.estimates | _in_loss_trained(given, judged, tested),
        curves=curves_of(given, clipped),
        measured=None if tested is None else measured_gap(given.likelihood.plain, tested.plain),
        diagnostics=diagnostics,
        baselines=known | _noise(given, diagnostics),
        weight_decay=given.minimum.objective.penalty.weight_decay,
        gradient_left=_regularized(given),
        pull=given.metric.penalty * given.minimum.theta,
        gradient_norm=float(given.gradient.norm()),
        regularized_gradient_norm=_regularized_norm(given),
        newton_decrement=newton,
        gradient_share=share,
        converged=None if share is None else share < CONVERGED,
        train_loss=given.likelihood.plain.nll(),
        alo_loss=judged.alo.nll() if judged.alo is not None and given.exact else None,
        moved_loss=judged.moved,
        calibration=given.calibration,
        calibration_alo=_alo_calibration(given, judged.alo),
        route=given.plan.route,
        route_reason=given.plan.reason,
        plan=given.spent,
    )


def _judged(given: Assembly, clipped: HessianClipped | None) -> Judged:
    lambda_eff = given.damping.value
    if lambda_eff is None:
        return Judged(Judgement("no_estimate", given.damping.source))
    row = given.sweep.at(lambda_eff)
    ridge = ridge_at(given, row)
    evidence = evidence_of(given, ridge)
    judgement = judge(evidence)
    looked_at = checks(evidence, judgement)
    still = given.sweep.still("displacement", row)
    if not still:
        judgement, looked_at = Judgement("no_estimate", BROKEN_OFF), list[Check]()
    estimates = estimates_at(given, row, lambda_eff, clipped, evidence)
    moved = moved_losses(given, row) if given.exact or given.training.sequences else None
    if moved is not None and moved.rise is not None:
        estimates["alo_moved"] = moved.rise
    return Judged(
        judgement,
        looked_at,
        estimates,
        diagnostics_at(given, row, lambda_eff, ridge) if still else {},
        headline=headline_of(evidence, judgement),
        alo=given.plain.at(given.plain.logits + given.sweep.displacement[row]) if still else None,
        moved=None if moved is None or not given.exact else moved.losses,
        half_logdet=float(given.sweep.half_logdet[row]),
    )


def headline_of(e: Evidence, judged: Judgement) -> GapHeadline | None:
    """The number shown, in words; None where nothing is estimated."""
    if judged.estimate is None:
        return None
    assert judged.half is not None
    assert judged.ninety is not None
    assert judged.sigma is not None
    assert judged.scatter is not None
    method = "leave-one-out with stopping counted as a ridge"
    if e.filtered is None:
        method = "leave-one-out at the minimum"
    elif e.leaning > 0:
        method += f", and to {e.leaning:.0%} as a filter"
    if e.calm < 1:
        method += f", times {e.calm:.2g} for over-confidence"
    if e.estimate < e.linear:
        method += f", times {e.estimate / e.linear:.2g} for outputs that move far"
    return GapHeadline(
        "leave_one_out",
        method,
        judged.estimate,
        judged.half,
        judged.ninety,
        judged.sigma,
        judged.scatter,
        COVERAGE,
    )


def _newton(given: Assembly, clipped: HessianClipped | None) -> float | None:
    ridge = given.metric.newton_ridge
    if ridge is None or clipped is None:
        return given.sweep.newton
    return 0.5 * clipped.quadratic(given.metric.scaled(_regularized(given)), ridge)


def _regularized(given: Assembly) -> Tensor:
    return given.metric.regularised(given.gradient, given.minimum.theta)


def _regularized_norm(given: Assembly) -> float | None:
    return float(_regularized(given).norm()) if given.metric.known else None


def _in_loss_trained(
    given: Assembly, judged: Judged, test: Likelihood | None
) -> dict[str, GapEstimate]:
    """Estimate and measurement in the loss trained, where that is not the plain one."""
    sampled = given.sampled
    if sampled.loss == sampled.plain.loss:
        return {}
    found: dict[str, GapEstimate] = {}
    if judged.alo is not None:
        rise = sampled.at(judged.alo.logits).nll() - sampled.nll()
        method = "leave-one-out in the loss trained"
        error = float(rise.std()) / math.sqrt(rise.numel())
        found["alo_trained"] = GapEstimate(float(rise.mean()), error, method)
    if test is not None:
        found["measured_trained"] = measured_gap(given.likelihood, test)
    return found


def _noise(given: Assembly, diagnostics: dict[str, float | None]) -> dict[str, float | None]:
    found = fitted_temperature(given.likelihood.plain)
    if not given.likelihood.loss.varies:
        return {"temperature_train": found}
    return {
        "noise_variance_train": found,
        "noise_variance_alo": diagnostics["t_alo"],
    }


def _alo_calibration(given: Assembly, alo: Likelihood | None) -> Tensor | None:
    if alo is None or not given.exact or not alo.loss.classifies:
        return None
    return reliability(alo)
