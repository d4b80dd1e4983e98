"""Decision regions along the line between two minima, over the plane that reports draw."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from minimascope.analysis.costs.passes import row_seconds
from minimascope.analysis.costs.planes import has_principal_plane
from minimascope.analysis.session.opening import class_count, is_planar
from minimascope.boundary.classification import class_of
from minimascope.boundary.planes import Frame, Plane, grid_inputs, input_axes, principal_plane
from minimascope.contract.questions.interpolations import LineFilm
from minimascope.curvature.minimum.batches import outputs_at
from minimascope.curvature.minimum.minimum import Minimum

FINEST, COARSEST = 80, 16  # grid points a side
FILM_SECONDS = 10.0  # that the passes over all grids may take
MOST_CLASSES = 256  # a byte each


@dataclass
class Filming:
    """A grid of inputs (side², ...) and the classes seen there so far, one text an α."""

    x: Tensor
    y: Tensor
    inputs: Tensor
    seen: list[str] = field(default_factory=list)

    def take(self, minimum: Minimum) -> None:
        """The classes that the network, with the weights it has now, gives the grid."""
        classes = class_of(outputs_at(minimum, self.inputs)).to(torch.uint8).cpu()
        self.seen.append(base64.b64encode(classes.numpy().tobytes()).decode())

    def document(self) -> LineFilm:
        """All pictures taken."""
        x, y = ([float(axis[0]), float(axis[-1])] for axis in (self.x, self.y))
        return LineFilm(side=len(self.x), x=x, y=y, classes=self.seen)


def filming(minimum: Minimum, *, pictures: int) -> Filming | None:
    """None where no plane is drawn, or the pictures would take long."""
    plane = _plane(minimum)
    if plane is None:
        return None
    side = min(FINEST, math.isqrt(int(FILM_SECONDS / (pictures * row_seconds(minimum)))))
    if side < COARSEST or (class_count(minimum) or 0) > MOST_CLASSES:
        return None
    flat = (minimum.inputs - plane.origin).flatten(1)
    x, y = Frame(side).sides(flat @ plane.axes.flatten(1).T)
    return Filming(x, y, grid_inputs(plane.origin, plane.axes, x, y))


def _plane(minimum: Minimum) -> Plane | None:
    """Of the inputs, or of their first two principal components."""
    if not minimum.loss.classifies:
        return None
    if is_planar(minimum):
        return input_axes(minimum.inputs)
    return principal_plane(minimum.inputs) if has_principal_plane(minimum) else None
