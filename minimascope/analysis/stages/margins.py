"""Margins: closest crossings of the boundary, lower bounds beside them, eigenvectors' estimates."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.analysis.costs.margins import NORMS, STARTS, MarginSizes, margin_sizes
from minimascope.analysis.session.opening import is_planar
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages.margin_bounds import Lower, lower_bounds
from minimascope.analysis.stages.margin_search import STAGE, Found, search, searched_rows
from minimascope.analysis.stages.margin_sections import crossings_section
from minimascope.boundary.alignment import align
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.eigenvector_margins import EigenvectorMargin as EigenvectorEstimate
from minimascope.boundary.eigenvector_margins import disagreement, eigenvector_margins
from minimascope.contract.report import EigenvectorMargin, Margins

__all__ = ["STAGE", "run"]
SUFFIXES: dict[NormName, str] = {"l2": "", "linf": "_linf"}


def run(session: Session) -> None:
    """Fills `report.margins`."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    vectors = len(spectrum.eigenvectors)
    sizes = margin_sizes(minimum, vectors=vectors, seconds=session.allowed(STAGE))
    rows = searched_rows(minimum, count=sizes.searched, seed=session.parameters.seed)
    found = search(session, rows)
    lower = bounds(session, sizes, rows, found)
    publish(session, rows, found, lower)
    session.progress(0.75, "Margins along eigenvectors")
    estimates = along_eigenvectors(session, sizes)
    sections = {
        norm: crossings_section(minimum, found[norm].crossings, rows, lower[norm], sizes.bounds)
        for norm in NORMS
    }
    session.report.margins = Margins(
        l2=sections["l2"],
        eigenvector=[EigenvectorMargin.of(each) for each in estimates],
        disagreement=disagreement(sections["l2"].smallest.upper, estimates),
        linf=sections["linf"],
    )


def bounds(
    session: Session, sizes: MarginSizes, rows: Tensor, found: dict[NormName, Found]
) -> dict[NormName, Lower]:
    """Lower bounds in both norms, one after the other."""
    bounded: dict[NormName, Lower] = {}
    for index, norm in enumerate(NORMS):

        def told(done: float, before: int = index) -> None:
            share = 0.55 + 0.2 * (before + done) / len(NORMS)
            session.progress(share, "Lower bounds on all margins")

        bounded[norm] = lower_bounds(session, sizes.bounds, rows, found[norm], told)
    return bounded


def along_eigenvectors(session: Session, sizes: MarginSizes) -> list[EigenvectorEstimate]:
    """The estimates; their x_b are published, so that a plane through one needs no new search."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    vectors = spectrum.eigenvectors[: sizes.vectors]
    known = session.alignment
    estimates = eigenvector_margins(
        minimum,
        vectors,
        align(minimum, vectors, minimum.inputs).values if known is None else known[: sizes.vectors],
        starts=STARTS,
        steps=sizes.steps,
        seed=session.parameters.seed,
    )
    like = minimum.inputs[0]
    ends = [torch.full_like(like, torch.nan) if e.end is None else e.end for e in estimates]
    session.array("boundary_inputs", torch.stack(ends).double())
    return estimates


def publish(
    session: Session, rows: Tensor, found: dict[NormName, Found], lower: dict[NormName, Lower]
) -> None:
    """Signed distances and lower bounds in both norms; where the ℓ₂ ones end."""
    minimum = session.opened.minimum
    n = minimum.n
    for norm, suffix in SUFFIXES.items():
        distances = scattered(n, rows, found[norm].crossings.values).cpu()
        signed = torch.where(lower[norm].right, distances, -distances)
        session.array(f"margins{suffix}", signed)
        session.array(f"margins{suffix}_lower", lower[norm].values)
    crossings = found["l2"].crossings
    beyond = torch.full((n,), -1, dtype=torch.int64, device=rows.device)
    beyond[rows] = crossings.beyond
    session.array("margin_beyond", beyond)
    if is_planar(minimum):
        session.array("margin_ends", scattered(n, rows, crossings.ends))


def scattered(n: int, rows: Tensor, values: Tensor) -> Tensor:
    """Values of searched rows as an array over all n points, NaN elsewhere."""
    full = torch.full((n, *values.shape[1:]), torch.nan, dtype=torch.float64, device=rows.device)
    full[rows] = values.double()
    return full
