"""Margins: certified distances to the boundary, and the eigenvector estimate beside them."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.report import (
    CertifiedMargins,
    EigenvectorMargin,
    Margins,
    PairMargin,
    PointMargin,
)
from workers.analysis.opening import class_count
from workers.analysis.session import Session
from workers.boundary.alignment import align
from workers.boundary.boundary_search import NormName
from workers.boundary.layers import dense_layers
from workers.boundary.margins import CertifiedMargins as Certified
from workers.boundary.margins import EigenvectorMargin as EigenvectorEstimate
from workers.boundary.margins import (
    certified_margins,
    disagreement,
    eigenvector_margins,
    smallest_by_pair,
)
from workers.curvature.minimum import Minimum

STARTS = 16  # inputs optimised per eigenvector
LEADING = 5  # eigenvectors whose margin is estimated
STEPS = range(20, 301)  # ascent steps of those inputs, fewer for large networks
LISTED = 10  # points of smallest margin named in the report
# Points × parameters searched, about 400 forward passes a point: a larger training set is
# sampled, and the report says how many points were searched.
POINT_PARAMETERS = 1e9


def run(session: Session) -> None:
    """Fills `report.margins`."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    rows = searched_rows(session)
    euclidean = search(session, rows, "l2", start=0.0)
    publish(session, euclidean, rows)
    largest_change = search(session, rows, "linf", start=0.35)
    session.array("margins_linf", scattered(minimum.n, rows, largest_change.values))
    session.progress(0.7, "Margins along eigenvectors")
    vectors = spectrum.eigenvectors[:LEADING]
    alignment = align(minimum, vectors, minimum.inputs).values
    estimates = eigenvector_margins(
        minimum,
        vectors,
        alignment,
        starts=STARTS,
        steps=steps_for(minimum, vectors=len(vectors)),
        seed=session.parameters.seed,
    )
    publish_boundary_inputs(session, estimates)
    section = certified_section(session, euclidean, rows)
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
        certified_linf=certified_section(session, largest_change, rows),
    )


def searched_rows(session: Session) -> Tensor:
    """All training points, or a seeded sample of them where a search of all would take hours."""
    minimum = session.opened.minimum
    affordable = max(32, int(POINT_PARAMETERS / minimum.dim))
    if minimum.n <= affordable:
        return torch.arange(minimum.n, device=minimum.inputs.device)
    generator = torch.Generator().manual_seed(session.parameters.seed)
    rows = torch.randperm(minimum.n, generator=generator)[:affordable].sort().values
    return rows.to(minimum.inputs.device)


def steps_for(minimum: Minimum, *, vectors: int) -> int:
    """Ascent steps: the most where the gradient has a closed form, fewer for large networks."""
    if dense_layers(minimum) is not None:
        return STEPS[-1]
    affordable = int(POINT_PARAMETERS / (minimum.dim * STARTS * vectors))
    return max(STEPS[0], min(STEPS[-1], affordable))


def search(session: Session, rows: Tensor, norm: NormName, *, start: float) -> Certified:
    """Certified margins of training rows in one norm."""
    minimum = session.opened.minimum
    name = "ℓ₂" if norm == "l2" else "ℓ∞"
    return certified_margins(
        minimum,
        inputs=minimum.inputs[rows],
        norm=norm,
        seed=session.parameters.seed,
        progress=lambda done: session.progress(
            start + 0.35 * done, f"Certified {name} margins of training points"
        ),
    )


def publish(session: Session, found: Certified, rows: Tensor) -> None:
    n = session.opened.minimum.n
    session.array("margins", scattered(n, rows, found.values))
    beyond = torch.full((n,), -1, dtype=torch.int64, device=rows.device)
    beyond[rows] = found.beyond
    session.array("margin_beyond", beyond)
    if session.planar:
        session.array("margin_ends", scattered(n, rows, found.ends))


def publish_boundary_inputs(session: Session, estimates: list[EigenvectorEstimate]) -> None:
    """x_b of every vector whose margin was estimated: a plane through it needs no new search."""
    like = session.opened.minimum.inputs[0]
    ends = [torch.full_like(like, torch.nan) if e.end is None else e.end for e in estimates]
    session.array("boundary_inputs", torch.stack(ends).double())


def scattered(n: int, rows: Tensor, values: Tensor) -> Tensor:
    """Values of searched rows as an array over all n points, NaN elsewhere."""
    full = torch.full((n, *values.shape[1:]), torch.nan, dtype=torch.float64, device=rows.device)
    full[rows] = values.double()
    return full


def certified_section(session: Session, found: Certified, rows: Tensor) -> CertifiedMargins:
    """Summary of margins found for training `rows`, in the report's words."""
    minimum = session.opened.minimum
    targets = minimum.targets[rows]
    reached = found.values[found.values.isfinite()]
    return CertifiedMargins(
        min=float(reached.min()) if len(reached) else None,
        median=float(reached.median()) if len(reached) else None,
        per_class={
            str(c): smallest(found.values[targets == c]) for c in range(class_count(minimum))
        },
        argmin=None if found.argmin is None else int(rows[found.argmin]),
        unreached=found.unreached,
        per_pair=[
            PairMargin(own=own, beyond=beyond, min=value)
            for (own, beyond), value in smallest_by_pair(found).items()
        ],
        smallest=smallest_points(found, rows),
        searched=len(rows) if len(rows) < minimum.n else None,
        norm=found.norm,
    )


def smallest_points(found: Certified, rows: Tensor) -> list[PointMargin]:
    """The points of smallest margin, ascending."""
    order = found.values.nan_to_num(nan=torch.inf).argsort(stable=True)[:LISTED]
    return [
        PointMargin(
            point=int(rows[i]),
            margin=float(found.values[i]),
            own=int(found.classes[i]),
            beyond=int(found.beyond[i]),
        )
        for i in order.tolist()
        if found.beyond[i] >= 0
    ]


def smallest(values: Tensor) -> float | None:
    """Smallest margin of a class; None where none of its points reached another class."""
    reached = values[torch.isfinite(values)]
    return float(reached.min()) if len(reached) else None
