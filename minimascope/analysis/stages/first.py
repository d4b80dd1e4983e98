"""What is known before any curvature: points, losses, decision regions, images.

Seconds after the files fit, so that somebody who waits sees what the network does; no number of a
report depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from minimascope.analysis.costs.passes import row_seconds
from minimascope.analysis.costs.planes import has_principal_plane
from minimascope.analysis.costs.spectrum import plan_stage
from minimascope.analysis.costs.stages import stage_costs
from minimascope.analysis.session.drawing import row_time
from minimascope.analysis.session.opening import is_planar
from minimascope.analysis.session.sampling import for_spectrum
from minimascope.analysis.session.session import Session
from minimascope.analysis.stages import tokens
from minimascope.analysis.stages.images import pictured
from minimascope.analysis.stages.planes import zero_lines
from minimascope.analysis.stages.representation import representation
from minimascope.boundary.classification import logits_at
from minimascope.boundary.planes import Frame, Plane, grid_parts, input_axes, principal_plane
from minimascope.boundary.slices import class_fields
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.deadline import left

FINEST, COARSEST = 120, 24  # grid points a side of the regions
REGION_SECONDS = 1.5  # that their passes may take
HURRIED, PICTURE_SHARE = 8, 0.02  # grid points a side where COARSEST took more of what is left


def publish(session: Session) -> None:
    """The report as far as it is known, and the arrays that the first pictures are made of."""
    if tokens.has_positions(session.opened.minimum):
        tokens.begin(session)
    session.publisher.report(session.report)
    minimum = session.opened.minimum
    plane = plane_of(minimum)
    points = drawn_points(minimum, plane)
    if points is not None:
        session.array("points", points.float())
    if not minimum.loss.classifies:
        return
    session.array("labels", minimum.labels.long())
    session.array("predictions", minimum.loss.predicted(session.opened.outputs).long())
    losses = minimum.loss.plain.values(as_matrix(session.opened.outputs), minimum.targets)
    session.array("train_loss", losses.float())
    for name, values in pictured(minimum.inputs, first=losses.argsort(descending=True)).items():
        session.array(name, values)
    if plane is not None and points is not None:
        for name, values in regions(minimum, plane, points).items():
            session.array(name, values)


def plane_of(minimum: Minimum) -> Plane | None:
    """The plane that is drawn: of the inputs, or of their first two principal components."""
    if is_planar(minimum):
        return input_axes(minimum.inputs)
    if not has_principal_plane(minimum):
        return None
    return principal_plane(minimum.inputs)


def drawn_points(minimum: Minimum, plane: Plane | None) -> Tensor | None:
    """Coordinates (n, 2) of the training set: in the plane, or of what the network makes of it."""
    if plane is None:
        return representation(minimum)
    flat = (minimum.inputs - plane.origin).flatten(1)
    return flat @ plane.axes.flatten(1).T


def regions(minimum: Minimum, plane: Plane, points: Tensor) -> dict[str, np.ndarray]:
    """Axes (m,), classes (m, m) and boundary over the plane, as fine as takes a second or two."""
    affordable = math.isqrt(int(REGION_SECONDS / row_seconds(minimum)))
    frame = Frame(max(_coarsest(minimum), min(FINEST, affordable)))
    x, y = frame.sides(points)
    parts = grid_parts(plane.origin, plane.axes, x, y)
    logits = torch.cat([logits_at(minimum, part) for part in parts])
    fields = class_fields(logits).reshape(-1, len(y), len(x))
    return {
        "region_x": x.float().cpu().numpy(),
        "region_y": y.float().cpu().numpy(),
        "region_class": fields.argmax(dim=0).short().cpu().numpy(),
        "region_boundary": zero_lines(x, y, fields),
    }


def _coarsest(minimum: Minimum) -> int:
    if math.isinf(left()):
        return COARSEST
    return HURRIED if COARSEST**2 * row_time(minimum) > PICTURE_SHARE * left() else COARSEST


def foreseen(session: Session, stages: Sequence[Stage]) -> dict[str, float]:
    """Seconds that each stage will take here; nothing where the spectrum cannot be planned."""
    minimum, parameters = session.opened.minimum, session.parameters
    examples = for_spectrum(minimum, parameters)
    try:
        plan = plan_stage(examples, parameters)
    except ValueError:  # the stage itself says why
        return {}
    sampled = examples.n < minimum.n
    costs = stage_costs(minimum, plan, stages, top_k=parameters.top_k, sampled=sampled)
    return {str(stage): seconds for stage, seconds in costs.items()}
