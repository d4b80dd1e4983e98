"""Walks along the leading eigenvectors, and the loss over the plane of the first two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.analysis.costs.boundary import PIXELS, POINTS, WALKED
from minimascope.analysis.session.opening import is_planar
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.boundary.planes import Frame, data_bounds
from minimascope.boundary.surface import Held, loss_surface
from minimascope.boundary.walk import Walk, walk
from minimascope.contract.report.boundary import Surface
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import single
from minimascope.curvature.spectrum.spectrum import Spectrum

MARGIN = 0.15  # of the data's range, around the map at each step


@dataclass(frozen=True)
class Walked:
    """The walks along the leading vectors, and the examples they are of."""

    taken: Minimum
    walks: list[Walk]
    whole: bool


def publish_walks(session: Session, spectrum: Spectrum, *, count: int) -> Walked:
    """Publishes θ + ε v_k for the leading vectors over `count` points.

    The ranges differ, so ε is one row a vector. Of a sample both come with standard errors.
    """
    minimum, seed = single(session.opened.minimum), session.parameters.seed
    whole = count >= minimum.n
    taken = minimum if whole else minimum.subset(some_rows(minimum, count, seed=seed))
    # The same for a sample as for all points.
    bounds = data_bounds(minimum.inputs, MARGIN) if is_planar(minimum) else None
    frame = Frame(PIXELS, bounds=bounds)
    pairs = list(zip(spectrum.eigenvectors, spectrum.eigenvalues.tolist(), strict=True))[:WALKED]
    walks = []
    for k, (v, value) in enumerate(pairs):
        session.progress(0.85 + 0.05 * k / len(pairs), f"Walk {k + 1} of {len(pairs)}")
        found = walk(taken, v, eigenvalue=value, points=POINTS, frame=frame)
        # A number for each class, step and grid point: 300 MB a walk for 1,000 classes.
        walks.append(replace(found, class_fields=None))
    session.array("walk_epsilon", torch.stack([each.epsilon for each in walks]).double())
    session.array("walk_loss", torch.stack([each.loss for each in walks]).double())
    session.array("walk_accuracy", torch.stack([each.accuracy for each in walks]).double())
    _publish_maps(session, walks)
    if not whole:
        _publish_errors(session, walks, taken.n, minimum.n)
    return Walked(taken, walks, whole)


def _publish_errors(session: Session, walks: list[Walk], n: int, total: int) -> None:
    left_out = (1 - n / total) ** 0.5  # of a sample without replacement
    spread = torch.stack([each.loss_spread for each in walks])
    right = torch.stack([each.accuracy for each in walks])
    session.array("walk_loss_error", (spread * left_out / n**0.5).double())
    binomial = (right * (1 - right) / max(1, n - 1)).sqrt()
    session.array("walk_accuracy_error", (binomial * left_out).double())


def publish_surface(session: Session, walked: Walked, vectors: Tensor, *, side: int) -> Surface:
    """Publishes the losses over the plane of v₁ and v₂, at `side` of their walks' steps each."""
    first, second = walked.walks[:2]
    every = slice(None, None, max(1, (len(first.epsilon) - 1) // (side - 1)))
    a, b = first.epsilon[every], second.epsilon[every]
    test = _some_test(session, walked.taken)
    found = loss_surface(
        walked.taken,
        vectors[:2],
        a,
        b,
        test=test,
        along=(first.loss[every], second.loss[every]),
        progress=lambda done: session.progress(0.9 + 0.04 * done, "Loss over the plane of v₁, v₂"),
    )
    session.array("surface_a", a.double())
    session.array("surface_b", b.double())
    session.array("surface_train", found.train)
    middle = (len(b) // 2, len(a) // 2)
    section = Surface(
        train_points=walked.taken.n, train_gain=float(found.train[middle] - found.train.min())
    )
    if test is None or found.test is None:
        return section
    session.array("surface_test", found.test)
    row, column = divmod(int(found.test.nan_to_num(torch.inf).argmin()), len(a))
    section.test_points = len(test[0])
    section.test_gain = float(found.test[middle] - found.test[row, column])
    section.test_lowest = [float(a[column]), float(b[row])]
    return section


def _some_test(session: Session, taken: Minimum) -> Held | None:
    """Test examples, no more than those walked over."""
    if session.opened.test is None:
        return None
    inputs, targets = session.opened.test
    if len(inputs) > taken.n:
        drawn = torch.Generator().manual_seed(session.parameters.seed)
        rows = torch.randperm(len(inputs), generator=drawn)[: taken.n].to(inputs.device)
        inputs, targets = inputs[rows], targets[rows]
    like = taken.inputs if inputs.is_floating_point() else inputs
    return inputs.to(like), targets


def _publish_maps(session: Session, walks: list[Walk]) -> None:
    maps = [each.classes for each in walks if each.classes is not None]
    if maps and walks[0].x is not None and walks[0].y is not None:
        session.array("walk_class", torch.stack(maps).to(_smallest(maps)))
        session.array("walk_x", walks[0].x.float())
        session.array("walk_y", walks[0].y.float())


def _smallest(maps: list[Tensor]) -> torch.dtype:
    """int8 holds 128 classes."""
    return torch.int8 if max(int(each.max()) for each in maps) < 128 else torch.int16
