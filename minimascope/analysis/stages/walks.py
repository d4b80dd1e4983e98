"""Walks along the leading eigenvectors: loss, accuracy and the boundary at θ + ε v_k."""

from __future__ import annotations

import torch

from minimascope.analysis.costs.boundary import PIXELS, POINTS, WALKED
from minimascope.analysis.session.opening import is_planar
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.session.session import Session
from minimascope.boundary.planes import Frame, data_bounds
from minimascope.boundary.walk import Walk, walk
from minimascope.curvature.minimum.single import single
from minimascope.curvature.spectrum.spectrum import Spectrum

MARGIN = 0.15  # of the data's range, around the map at each step


def publish_walks(session: Session, spectrum: Spectrum, *, count: int) -> int | None:
    """Publishes θ + ε v_k for the leading vectors over `count` points; None where those are all.

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
        session.progress(0.9 + 0.05 * k / len(pairs), f"Walk {k + 1} of {len(pairs)}")
        found = walk(taken, v, eigenvalue=value, points=POINTS, frame=frame)
        walks.append(found)
    session.array("walk_epsilon", torch.stack([each.epsilon for each in walks]).double())
    session.array("walk_loss", torch.stack([each.loss for each in walks]).double())
    session.array("walk_accuracy", torch.stack([each.accuracy for each in walks]).double())
    _publish_maps(session, walks)
    if whole:
        return None
    left_out = (1 - taken.n / minimum.n) ** 0.5  # of a sample without replacement
    spread = torch.stack([each.loss_spread for each in walks])
    right = torch.stack([each.accuracy for each in walks])
    session.array("walk_loss_error", (spread * left_out / taken.n**0.5).double())
    binomial = (right * (1 - right) / max(1, taken.n - 1)).sqrt()
    session.array("walk_accuracy_error", (binomial * left_out).double())
    return taken.n


def _publish_maps(session: Session, walks: list[Walk]) -> None:
    maps = [each.classes for each in walks if each.classes is not None]
    if maps and walks[0].x is not None and walks[0].y is not None:
        session.array("walk_class", torch.stack(maps).to(torch.int8))
        session.array("walk_x", walks[0].x.float())
        session.array("walk_y", walks[0].y.float())
