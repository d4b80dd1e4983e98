"""Generalization gap: estimates, curves over λ, verdict; and whether this is a minimum at all."""

from __future__ import annotations

from minimascope.report import (
    Estimate,
    Gap,
    GapCurves,
    GapDiagnostics,
    GapPlan,
    Headline,
    MinimumSummary,
)
from workers.analysis.session import Session
from workers.curvature.gap import estimate_gap
from workers.curvature.gap_result import GapEstimate, GapResult
from workers.resume import GAP_SUFFIX


def run(session: Session) -> None:
    """Fills `report.gap` and `report.minimum`."""
    parameters, spectrum = session.parameters, session.spectrum
    exact = spectrum if spectrum is not None and spectrum.complete else None
    state = session.state_path
    found = estimate_gap(
        session.opened.minimum,
        test=session.opened.test,
        weight_decay=parameters.weight_decay,
        lr=parameters.lr,
        momentum=parameters.momentum,
        steps=parameters.steps,
        lambdas=parameters.lambdas,
        hessian_eigenvalues=exact.known_eigenvalues.double() if exact else None,
        hessian_eigenvectors=None if exact is None else exact.known_eigenvectors,
        seed=parameters.seed,
        progress=session.progress,
        state_path=None if state is None else state.with_suffix(GAP_SUFFIX),
    )
    session.report.gap = gap_section(found)
    session.report.minimum = minimum_section(found)
    publish_examples(session, found)


def gap_section(found: GapResult) -> Gap:
    headline = found.headline
    return Gap(
        lambda_=found.lambda_,
        headline=Headline(**headline._asdict()) if headline else None,
        verdict=found.verdict,
        reason=found.reason,
        estimates={name: estimate(each) for name, each in found.estimates.items()},
        curves=GapCurves.model_validate(found.curves),
        measured=estimate(found.measured) if found.measured else None,
        diagnostics=GapDiagnostics.model_validate(found.diagnostics),
        baselines=found.baselines,
        route=found.route,
        route_reason=found.route_reason,
        plan=GapPlan(
            seconds=found.spent.planned_seconds,
            actual_seconds=found.spent.seconds,
            actual_products=found.spent.products,
        ),
    )


def estimate(found: GapEstimate) -> Estimate:
    return Estimate(value=found.value, standard_error=found.standard_error, method=found.method)


def minimum_section(found: GapResult) -> MinimumSummary:
    return MinimumSummary(
        weight_decay=found.weight_decay,
        lambda_eff=found.lambda_,
        lambda_source=found.lambda_source,
        gradient_norm=found.gradient_norm,
        regularized_gradient_norm=found.regularized_gradient_norm,
        newton_decrement=found.newton_decrement,
        is_minimum=found.is_minimum,
    )


def publish_examples(session: Session, found: GapResult) -> None:
    """What the page draws example by example; absent where it was not computed for all."""
    session.array("train_loss", found.train_loss.float())
    if found.alo_loss is not None:
        session.array("alo_loss", found.alo_loss.float())
    if found.calibration is not None:
        session.array("calibration", found.calibration.double())
    if found.calibration_alo is not None:
        session.array("calibration_alo", found.calibration_alo.double())
