"""Margins: certified distances to the boundary, and the eigenvector estimate beside them."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.report import CertifiedMargins, EigenvectorMargin, Margins
from workers.analysis.opening import class_count
from workers.analysis.session import Session
from workers.boundary.alignment import align
from workers.boundary.margins import CertifiedMargins as Certified
from workers.boundary.margins import (
    certified_margins,
    disagreement,
    eigenvector_margins,
)

STARTS = 16  # inputs optimised per eigenvector
LEADING = 5  # eigenvectors whose margin is estimated


def run(session: Session) -> None:
    """Fills `report.margins`."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    certified = certified_margins(
        minimum,
        seed=session.parameters.seed,
        progress=lambda done: session.progress(0.6 * done, "Certified margins of training points"),
    )
    session.array("margins", certified.values.double())
    if session.planar:
        session.array("margin_ends", certified.ends.double())
    session.progress(0.6, "Margins along eigenvectors")
    vectors = spectrum.eigenvectors[:LEADING]
    alignment = align(minimum, vectors, minimum.inputs).values
    estimates = eigenvector_margins(
        minimum, vectors, alignment, starts=STARTS, seed=session.parameters.seed
    )
    section = certified_section(certified, minimum.targets, class_count(minimum))
    session.report.margins = Margins(
        certified=section,
        eigenvector=[
            EigenvectorMargin(
                k=each.k,
                estimate=each.estimate,
                cos2=each.cos2,
                logit_gap=each.logit_gap,
                moved=each.moved,
                starts_kept=each.starts_kept,
            )
            for each in estimates
        ],
        disagreement=disagreement(section.min, estimates),
    )


def certified_section(found: Certified, targets: Tensor, classes: int) -> CertifiedMargins:
    reached = found.values[found.values.isfinite()]
    return CertifiedMargins(
        min=float(reached.min()) if len(reached) else None,
        median=float(reached.median()) if len(reached) else None,
        per_class={str(c): smallest(found.values[targets == c]) for c in range(classes)},
        argmin=found.argmin,
        unreached=found.unreached,
    )


def smallest(values: Tensor) -> float | None:
    """Smallest margin of a class; None where none of its points reached another class."""
    reached = values[torch.isfinite(values)]
    return float(reached.min()) if len(reached) else None
