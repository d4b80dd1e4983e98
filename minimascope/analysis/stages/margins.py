"""Margins: certified distances to the boundary, and the eigenvector estimate beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.passes import GRADIENT_PASSES, NUMBER_SECONDS, row_seconds
from minimascope.analysis.session.opening import Opened
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.analysis.sharing.shards import Answer, Question, Work
from minimascope.analysis.stages.margin_sections import certified_section
from minimascope.boundary.alignment import align
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.eigenvector_margins import EigenvectorMargin as EigenvectorEstimate
from minimascope.boundary.eigenvector_margins import disagreement, eigenvector_margins
from minimascope.boundary.layers import dense_layers
from minimascope.boundary.margins import CertifiedMargins as Certified
from minimascope.boundary.margins import boundary_ends, measured
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import EigenvectorMargin, Margins
from minimascope.curvature.minimum.minimum import Minimum

STARTS = 16  # inputs optimised per eigenvector
LEADING = 5  # eigenvectors whose margin is estimated
STEPS = range(20, 301)  # ascent steps of those inputs, fewer for large networks
STAGE = "margins"
ENDS = "margin_ends"
NORMS: tuple[NormName, ...] = ("l2", "linf")
# What a search costs in both norms is about this many passes of its point forward: 0.2 s for the
# convolutional network of 9,098 parameters on images of 28 × 28.
PASSES = 1450
# CPU seconds that a search of all points may take: a larger training set is sampled, and the
# report says how many points were searched.
SEARCH_SECONDS = 60.0
FEWEST = 32
SHARD_SECONDS = 6.0  # of one part
# Ascent steps × starts × vectors × parameters along eigenvectors: gradients at each.
ASCENT_NUMBERS = 1e9
ASCENT_SECONDS = 60.0  # CPU seconds of all steps
NUMBER_PASSES = 30  # over the numbers of an input, which a step of its ascent makes


def run(session: Session) -> None:
    """Fills `report.margins`."""
    minimum, spectrum = session.opened.minimum, session.spectrum
    assert spectrum is not None
    rows = searched_rows(minimum, seed=session.parameters.seed)
    found = search(session, rows)
    publish(session, found["l2"], rows)
    session.array("margins_linf", scattered(minimum.n, rows, found["linf"].values))
    session.progress(0.7, "Margins along eigenvectors")
    vectors = spectrum.eigenvectors[:LEADING]
    known = session.alignment
    estimates = eigenvector_margins(
        minimum,
        vectors,
        align(minimum, vectors, minimum.inputs).values if known is None else known[:LEADING],
        starts=STARTS,
        steps=steps_for(minimum, vectors=len(vectors)),
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


def point_seconds(minimum: Minimum) -> float:
    """CPU seconds of the search from one point in both norms, from counted work."""
    return PASSES * row_seconds(minimum)


def searched_rows(minimum: Minimum, *, seed: int) -> Tensor:
    """All training points, or a seeded sample of them where a search of all would take long."""
    affordable = max(FEWEST, int(SEARCH_SECONDS / point_seconds(minimum)))
    if minimum.n <= affordable:
        return torch.arange(minimum.n, device=minimum.inputs.device)
    return some_rows(minimum, affordable, seed=seed)


def steps_for(minimum: Minimum, *, vectors: int) -> int:
    """Ascent steps: 300, fewer for large networks."""
    affordable = ASCENT_SECONDS / step_seconds(minimum, vectors=vectors)
    if dense_layers(minimum) is None:  # without a closed form of the gradient
        affordable = min(affordable, ASCENT_NUMBERS / (minimum.dim * STARTS * vectors))
    return max(STEPS[0], min(STEPS[-1], int(affordable)))


def step_seconds(minimum: Minimum, *, vectors: int) -> float:
    """CPU seconds of one ascent step from all starts, from counted work."""
    moving = NUMBER_PASSES * NUMBER_SECONDS * minimum.inputs[0].numel()
    return vectors * STARTS * (2 * GRADIENT_PASSES * row_seconds(minimum) + moving)


def questions(minimum: Minimum) -> list[Question]:
    """Searched points of both norms in parts of a few seconds; none where there are no margins."""
    if not minimum.loss.classifies or not minimum.inputs.is_floating_point():
        return []
    seconds = point_seconds(minimum)
    count = min(minimum.n, max(FEWEST, int(SEARCH_SECONDS / seconds)))
    together = max(FEWEST, int(SHARD_SECONDS / (seconds / len(NORMS))))
    parts = [
        {"norm": norm, "start": start, "stop": min(start + together, count)}
        for norm in NORMS
        for start in range(0, count, together)
    ]
    sizes = [int(each["stop"]) - int(each["start"]) for each in parts]
    each = seconds / len(NORMS)
    return [Question(STAGE, i, sizes[i], sizes[i] * each, part) for i, part in enumerate(parts)]


def worker(opened: Opened, parameters: Parameters) -> Work:
    """Answers with the boundary inputs found for the points of a question."""
    minimum = opened.minimum

    def work(question: Question, progress: Callable[[float], None]) -> Answer:
        asked = question.what
        rows = searched_rows(minimum, seed=parameters.seed)[asked["start"] : asked["stop"]]
        ends = boundary_ends(
            minimum,
            minimum.inputs[rows],
            norm=asked["norm"],
            # Directions of its own for each part, whoever searches it and when.
            seed=parameters.seed + 7919 * question.index,
            progress=progress,
        )
        return Answer(arrays={ENDS: ends.cpu().numpy()})

    return work


def search(session: Session, rows: Tensor) -> dict[NormName, Certified]:
    """Certified margins of training rows in both norms, put together from their parts."""
    minimum = session.opened.minimum
    asked = session.questions.get(STAGE, [])
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
        parts = [got.arrays[ENDS] for question, got in pairs if question.what["norm"] == norm]
        ends = torch.from_numpy(np.concatenate(parts)).to(minimum.inputs)
        found[norm] = measured(minimum, minimum.inputs[rows], ends, norm=norm)
    return found


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
