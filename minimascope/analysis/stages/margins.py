"""Margins: certified distances to the boundary, and the eigenvector estimate beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.margins import (
    NORMS,
    STARTS,
    margin_sizes,
    points_together,
    search_seconds,
    searched_count,
)
from minimascope.analysis.session.opening import Opened, is_planar
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.analysis.sharing.shards import Answer, Part, Work
from minimascope.analysis.stages.margin_sections import certified_section
from minimascope.boundary.alignment import align
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.eigenvector_margins import EigenvectorMargin as EigenvectorEstimate
from minimascope.boundary.eigenvector_margins import disagreement, eigenvector_margins
from minimascope.boundary.margins import CertifiedMargins as Certified
from minimascope.boundary.margins import boundary_ends, measured
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import EigenvectorMargin, Margins
from minimascope.curvature.minimum.minimum import Minimum

STAGE = "margins"
ENDS = "margin_ends"


def run(session: Session) -> None:
    """Fills `report.margins`."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    sizes = margin_sizes(minimum, vectors=len(spectrum.eigenvectors))
    rows = searched_rows(minimum, count=sizes.searched, seed=session.parameters.seed)
    found = search(session, rows)
    publish(session, found["l2"], rows)
    session.array("margins_linf", scattered(minimum.n, rows, found["linf"].values))
    session.progress(0.7, "Margins along eigenvectors")
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
    publish_boundary_inputs(session, estimates)
    section = certified_section(minimum, found["l2"], rows)
    session.report.margins = Margins(
        certified=section,
        eigenvector=[EigenvectorMargin.of(each) for each in estimates],
        disagreement=disagreement(section.min, estimates),
        certified_linf=certified_section(minimum, found["linf"], rows),
    )


def searched_rows(minimum: Minimum, *, count: int, seed: int) -> Tensor:
    """All training points, or a seeded sample of so many."""
    if minimum.n <= count:
        return torch.arange(minimum.n, device=minimum.inputs.device)
    return some_rows(minimum, count, seed=seed)


def parts(minimum: Minimum) -> list[Part]:
    """Searched points of both norms in parts of a few seconds; none where there are no margins."""
    count, together = searched_count(minimum), points_together(minimum)
    cuts = [
        {"norm": norm, "start": start, "stop": min(start + together, count)}
        for norm in NORMS
        for start in range(0, count, together)
    ]
    sizes = [int(each["stop"]) - int(each["start"]) for each in cuts]
    each = search_seconds(minimum)
    return [Part(STAGE, i, sizes[i], sizes[i] * each, cut) for i, cut in enumerate(cuts)]


def worker(opened: Opened, parameters: Parameters) -> Work:
    """Finds the boundary inputs of the points of a part."""
    minimum = opened.minimum
    searched = searched_rows(minimum, count=searched_count(minimum), seed=parameters.seed)

    def work(part: Part, progress: Callable[[float], None]) -> Answer:
        asked = part.what
        rows = searched[asked["start"] : asked["stop"]]
        ends = boundary_ends(
            minimum,
            minimum.inputs[rows],
            norm=asked["norm"],
            # Directions of its own for each part, whoever searches it and when.
            seed=parameters.seed + 7919 * part.index,
            progress=progress,
        )
        return Answer(arrays={ENDS: ends.cpu().numpy()})

    return work


def search(session: Session, rows: Tensor) -> dict[NormName, Certified]:
    """Certified margins of training rows in both norms, put together from their parts."""
    minimum = session.opened.minimum
    asked = session.parts.get(STAGE, [])
    if not asked:
        boundary_ends(minimum, minimum.inputs[:1], norm=NORMS[0])  # says why there are none
    total = sum(each.points for each in asked)

    def told(done: float) -> None:
        words = f"Certified margins: {int(done * total)} of {total} searches"
        session.progress(0.7 * done, f"{words} ({len(rows)} points, ℓ₂ and ℓ∞)")

    answers = session.shards.gather(asked, worker(session.opened, session.parameters), told)
    found: dict[NormName, Certified] = {}
    for norm in NORMS:
        pairs = zip(asked, answers, strict=True)
        found_ends = [got.arrays[ENDS] for part, got in pairs if part.what["norm"] == norm]
        ends = torch.from_numpy(np.concatenate(found_ends)).to(minimum.inputs)
        found[norm] = measured(minimum, minimum.inputs[rows], ends, norm=norm)
    return found


def publish(session: Session, found: Certified, rows: Tensor) -> None:
    minimum = session.opened.minimum
    n = minimum.n
    session.array("margins", scattered(n, rows, found.values))
    beyond = torch.full((n,), -1, dtype=torch.int64, device=rows.device)
    beyond[rows] = found.beyond
    session.array("margin_beyond", beyond)
    if is_planar(minimum):
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
