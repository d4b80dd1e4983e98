"""Spectrum and density: top eigenpairs with their residuals, trace, outliers, layer mass."""

from __future__ import annotations

import time
from dataclasses import replace

from torch import Tensor

from minimascope.analysis.costs.spectrum import plan_stage, wanted_pairs
from minimascope.analysis.session.opening import class_count, output_count
from minimascope.analysis.session.sampling import for_spectrum, rows_drawn
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.hessians import OUTLIER_RATIO, outlier_counts, trace_estimate
from minimascope.contract.report import (
    Counts,
    Density,
    Estimate,
    LayerBlock,
    Spectrum,
    SpectrumPlan,
    SpectrumSample,
)
from minimascope.curvature.krylov.slq import ProbeSize, Quadrature
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.places import layer_mass
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.counts import counts_above
from minimascope.curvature.spectrum.density import spectral_density
from minimascope.curvature.spectrum.layer_blocks import layer_blocks
from minimascope.curvature.spectrum.outliers import outliers_by_gap, outliers_by_ratio
from minimascope.curvature.spectrum.plan import Plan
from minimascope.curvature.spectrum.sample import Drawn, curvature_on_all
from minimascope.curvature.spectrum.spectrum import Spectrum as Pairs
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.machine.unfinished import kept_in

PARTIAL_SECONDS = 2.0  # between two publications of what has converged
NEARLY = 0.9  # of the stage is over when the pairs are; the layers' blocks are the rest


class Telling:
    """Passes on how far the eigenvalues are: products done of planned, and those that converged."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session, self._plan = session, plan
        self._next = 0.0

    def progress(self, fraction: float, sentence: str) -> None:
        """`fraction` of the pairs or of the columns."""
        done, planned = self._plan.operator.products, self._plan.products
        share = max(fraction, min(1.0, done / max(1, planned)))
        words = f"{done} products done of about {planned} planned; {sentence}"
        self._session.progress(NEARLY * share, words)

    def partial(self, values: Tensor) -> None:
        """Publishes top eigenvalues (k,) that have converged, every two seconds at most."""
        if time.monotonic() >= self._next:
            self._session.array("eigenvalues", values.double())
            self._next = time.monotonic() + PARTIAL_SECONDS


def run(session: Session) -> None:
    """Fills `report.spectrum` and keeps the eigenvectors for later stages."""
    parameters, opened = session.parameters, session.opened
    rows = rows_drawn(opened.minimum, parameters, opened.total.train)
    minimum = for_spectrum(opened.minimum, parameters)
    session.curved = None if rows is None else minimum
    found, plan = planned_pairs(session, minimum)
    blocks = layer_blocks(minimum, found, run=Run(parameters.seed))
    sample = None if rows is None else sample_section(session, rows, found)
    if "density" not in parameters.stages:
        found = replace(found, operator=None)  # its graphs would lie about unused
    session.spectrum = found
    names, mass = layer_mass(found.eigenvectors, minimum.places)
    known = found.known_eigenvalues
    by_ratio = outliers_by_ratio(known, q=OUTLIER_RATIO)
    by_gap = outliers_by_gap(known, outputs(minimum))
    session.report.spectrum = Spectrum.of(
        found,
        trace=trace_estimate(found),
        outliers=outlier_counts(by_ratio, by_gap),
        layer_mass=mass.tolist(),
        layer_names=names,
        layer_blocks=[LayerBlock.of(each, trace=trace_estimate(each)) for each in blocks],
        counts=counts_section(found),
        sample=sample,
        plan=plan,
    )
    session.array("eigenvalues", known.double())
    session.array("eigenvectors", found.eigenvectors.double())


def planned_pairs(session: Session, minimum: Minimum) -> tuple[Pairs, SpectrumPlan]:
    """The eigenpairs, and what was planned for them beside what they took."""
    parameters = session.parameters
    session.progress(0.0, "Planning")
    with PeakMemory(minimum.inputs.device) as memory:
        plan = plan_stage(minimum, parameters)
        session.progress(0.0, plan.sentence)
        told = Telling(session, plan)
        started = time.perf_counter()
        found = compute_spectrum(
            minimum,
            wanted_pairs(minimum, parameters),
            run=Run(parameters.seed, told.progress, kept_in(session.unfinished, "spectrum")),
            operator=plan.operator,
            partial=told.partial,
        )
        seconds = time.perf_counter() - started
    return found, SpectrumPlan.of(
        plan,
        actual_products=found.products,
        actual_seconds=seconds,
        actual_peak_bytes=memory.peak_bytes,
    )


def sample_section(session: Session, rows: Drawn, found: Pairs) -> SpectrumSample:
    """What the sample's eigenvectors are on all examples."""

    def told(fraction: float, sentence: str) -> None:
        session.progress(NEARLY + (1 - NEARLY) * fraction, sentence)

    minimum, vectors = session.opened.minimum, found.eigenvectors
    whole = curvature_on_all(minimum, rows, found.eigenvalues, vectors, progress=told)
    method = f"mean over {len(rows.sampled):,} drawn and {len(rows.held_out):,} held out"
    values = whole.value.tolist()
    errors = [None] * len(values)
    if whole.standard_error is not None:
        errors = whole.standard_error.tolist()
    pairs = zip(values, errors, strict=True)
    return SpectrumSample(
        examples=len(rows.sampled),
        total=rows.total,
        held_out=len(rows.held_out),
        on_all=[Estimate(value=q, standard_error=error, method=method) for q, error in pairs],
    )


def outputs(minimum: Minimum) -> int:
    """K of the outlier rule: classes, or output dimensions where there are none."""
    return class_count(minimum) or output_count(minimum)


def run_density(session: Session) -> None:
    """Adds the spectral density to `report.spectrum`."""
    assert session.spectrum is not None
    assert session.report.spectrum is not None
    found = spectral_density(
        session.curved or session.opened.minimum,
        session.spectrum,
        ProbeSize(session.probes),
        run=Run(session.parameters.seed, session.progress),
    )
    session.spectrum = replace(session.spectrum, operator=None)  # frees the graphs
    session.report.spectrum.density = Density.of(found)
    session.report.spectrum.counts = counts_section(session.spectrum, found.rules)


def counts_section(spectrum: Pairs, rules: Quadrature | None = None) -> Counts | None:
    """Eigenvalues above absolute thresholds, with those that the density's probes stand for."""
    found = counts_above(spectrum, rules)
    return None if found is None else Counts.of(found)
