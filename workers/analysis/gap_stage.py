"""Generalization gap: estimates, curves over λ, verdict; and whether this is a minimum at all."""

from __future__ import annotations

from collections.abc import Mapping

from minimascope.report import (
    Estimate,
    Gap,
    GapCurves,
    GapDiagnostics,
    Headline,
    MinimumSummary,
)
from workers.analysis.session import Session
from workers.curvature.gap import GapResult, estimate_gap


def run(session: Session) -> None:
    """Fills `report.gap` and `report.minimum`."""
    parameters, spectrum = session.parameters, session.spectrum
    exact = spectrum is not None and spectrum.complete
    found = estimate_gap(
        session.opened.minimum,
        test=session.opened.test,
        weight_decay=parameters.weight_decay,
        lr=parameters.lr,
        momentum=parameters.momentum,
        steps=parameters.steps,
        lambdas=parameters.lambdas,
        hessian_eigenvalues=spectrum.known_eigenvalues if spectrum and exact else None,
        hessian_eigenvectors=spectrum.known_eigenvectors if spectrum and exact else None,
        seed=parameters.seed,
        progress=session.progress,
    )
    session.report.gap = gap_section(found)
    session.report.minimum = minimum_section(found, parameters.weight_decay)
    publish_examples(session, found)
