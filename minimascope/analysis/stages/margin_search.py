"""The search for closest crossings in parts that others may do, with radii proved about points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.certificates import BoundSizes, bound_sizes
from minimascope.analysis.costs.margins import (
    NORMS,
    points_together,
    search_seconds,
    searched_count,
)
from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.analysis.sharing.shards import Answer, Part, Work
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.radii import Points, certified_radii
from minimascope.boundary.margins import ClosestCrossings, boundary_ends, measured
from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.saved_state import Keeper
from minimascope.machine.unfinished import kept_in

STAGE = "margins"
ENDS = "margin_ends"
RADII = "margins_lower"  # of a part's points: NaN where none was asked for
SEARCHING = 0.6  # share of a part's progress


@dataclass(frozen=True)
class Found:
    """Of the searched rows in one norm: crossings, and radii (m,) proved, NaN where not asked."""

    crossings: ClosestCrossings
    radii: Tensor


def searched_rows(minimum: Minimum, *, count: int, seed: int) -> Tensor:
    """All training points, or a seeded sample of so many."""
    if minimum.n <= count:
        return torch.arange(minimum.n, device=minimum.inputs.device)
    return some_rows(minimum, count, seed=seed)


def labels(minimum: Minimum, rows: Tensor) -> Tensor:
    """The classes (m,) that training rows belong to."""
    return minimum.labels[rows].long().reshape(len(rows))


def parts(minimum: Minimum, *, seconds: float = math.inf) -> list[Part]:
    """Searched points of both norms in parts of a few seconds; none where there are no margins.

    seconds: of CPU, that the stage may take.
    """
    count, together = searched_count(minimum, seconds), points_together(minimum)
    sizes, each = bound_sizes(minimum, count, seconds=seconds), search_seconds(minimum)
    cuts = [
        {"norm": norm, "start": start, "stop": min(start + together, count)}
        for norm in NORMS
        for start in range(0, count, together)
    ]
    found: list[Part] = []
    for index, cut in enumerate(cuts):
        points = int(cut["stop"]) - int(cut["start"])
        bounded = int(spread(sizes.bounded, count)[cut["start"] : cut["stop"]].sum())
        seconds = points * each + bounded * sizes.each
        found.append(Part(STAGE, index, points, seconds, cut))
    return found


def spread(some: int, count: int) -> Tensor:
    """Which (count,) of so many are chosen, `some` of them, as evenly as can be."""
    places = torch.arange(count + 1) * some // max(1, count)
    return places[1:] > places[:-1]


def worker(
    opened: Opened,
    parameters: Parameters,
    *,
    unfinished: Path | None = None,
    seconds: float = math.inf,
) -> Work:
    """Finds the boundary inputs and proves the radii of the points of a part.

    A file a part in `unfinished` keeps its answer.
    """
    minimum = opened.minimum
    count = searched_count(minimum, seconds)
    searched = searched_rows(minimum, count=count, seed=parameters.seed)
    sizes = bound_sizes(minimum, len(searched), seconds=seconds)
    key = fingerprint(minimum, seed=parameters.seed) if unfinished else ""

    def work(part: Part, progress: Callable[[float], None]) -> Answer:
        keeper = Keeper(kept_in(unfinished, f"{STAGE}-{part.index}"), f"{key} {part.what}")
        stored = keeper.stored()
        if stored is None:
            stored = _searched(minimum, parameters, searched, sizes, part, progress)
            keeper.keep(stored)
        return Answer(arrays={name: each.numpy() for name, each in stored.items()})

    return work


def _searched(
    minimum: Minimum,
    parameters: Parameters,
    searched: Tensor,
    sizes: BoundSizes,
    part: Part,
    progress: Callable[[float], None],
) -> dict[str, Tensor]:
    asked: dict[str, Any] = part.what
    chosen = slice(asked["start"], asked["stop"])
    rows, norm = searched[chosen], asked["norm"]
    ends = boundary_ends(
        minimum,
        minimum.inputs[rows],
        norm=norm,
        # Directions of its own for each part, whoever searches it and when.
        seed=parameters.seed + 7919 * part.index,
        progress=lambda done: progress(SEARCHING * done),
    )
    wanted = spread(sizes.bounded, len(searched))[chosen]
    radii = _radii(
        minimum,
        rows,
        ends,
        wanted,
        sizes,
        norm,
        lambda done: progress(SEARCHING + (1 - SEARCHING) * done),
    )
    return {ENDS: ends.cpu(), RADII: radii}


def _radii(
    minimum: Minimum,
    rows: Tensor,
    ends: Tensor,
    wanted: Tensor,
    sizes: BoundSizes,
    norm: NormName,
    progress: Callable[[float], None],
) -> Tensor:
    """Proved about the wanted of these rows that are right and have a crossing: (m,), or NaN."""
    found = torch.full((len(rows),), torch.nan, dtype=torch.float64)
    if sizes.graph is None or not bool(wanted.any()):
        return found
    crossings = measured(minimum, minimum.inputs[rows], ends, norm=norm)
    right = (crossings.classes == labels(minimum, rows)).cpu()
    upper = crossings.values.double().cpu()
    some = (wanted & right & upper.isfinite()).nonzero()[:, 0]
    points = certifiable(minimum, rows, crossings.classes).some(some)
    found[some] = certified_radii(sizes.graph, points, upper[some], norm, progress=progress)
    return found


def certifiable(minimum: Minimum, rows: Tensor, classes: Tensor) -> Points:
    """Training rows with the network's own classes (m,), as bounds take them."""
    return Points(minimum.inputs[rows].double().cpu(), classes.cpu())


def search(session: Session, rows: Tensor) -> dict[NormName, Found]:
    """Closest crossings of training rows in both norms, put together from their parts."""
    minimum = session.opened.minimum
    asked = session.parts.get(STAGE, [])
    if not asked:
        boundary_ends(minimum, minimum.inputs[:1], norm=NORMS[0])  # says why there are none
    total = sum(each.points for each in asked)

    def told(done: float) -> None:
        words = f"Closest crossings: {int(done * total)} of {total} searches"
        session.progress(0.55 * done, f"{words} ({len(rows)} points, ℓ₂ and ℓ∞)")

    kept, allowed = session.unfinished, session.allowed(STAGE)
    work = worker(session.opened, session.parameters, unfinished=kept, seconds=allowed)
    answers = session.shards.gather(asked, work, told)
    found: dict[NormName, Found] = {}
    for norm in NORMS:
        mine = [a for part, a in zip(asked, answers, strict=True) if part.what["norm"] == norm]
        ends, radii = (np.concatenate([a.arrays[name] for a in mine]) for name in (ENDS, RADII))
        ends = torch.from_numpy(ends).to(minimum.inputs)
        crossings = measured(minimum, minimum.inputs[rows], ends, norm=norm)
        found[norm] = Found(crossings, torch.from_numpy(radii))
    return found
