"""Fields over a plane through input space: everything a picture of the boundary needs.

A plane through images shows the network's function there, not where data lies, so every training
point comes with its distance from the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.alignment import Alignment, align
from minimascope.boundary.classification import logits_at, require_classification
from minimascope.boundary.planes import GRID_NUMBERS, Frame, Plane, grid_parts, input_axes
from minimascope.curvature.minimum.minimum import Minimum


@dataclass(frozen=True)
class Slice:
    """Fields over a grid of plane coordinates; arrays are indexed [row of y, column of x].

    x (s,), y (s,); classes (s, s) int64; logit_gap (s, s); class_fields (K, s, s) float32 =
    f_c − max_{j≠c} f_j, whose zero lines bound class c exactly where interpolated; alignment
    (k, s, s), NaN at `underflowed` grid points. The input at (x, y) is origin + x·axes[0] +
    y·axes[1]. training (n, 2) are the training points' coordinates, offset (n,) their distance
    from the plane.
    """

    x: Tensor
    y: Tensor
    classes: Tensor
    logit_gap: Tensor
    class_fields: Tensor
    alignment: Tensor
    underflowed: int
    origin: Tensor
    axes: Tensor
    training: Tensor
    offset: Tensor


def input_plane(
    minimum: Minimum,
    vectors: Tensor,
    *,
    frame: Frame = Frame(),
    progress: Callable[[float], None] | None = None,
) -> Slice:
    """The input plane of a network on 2-D inputs, with alignments for vectors (k, p).

    Raises ValueError for other input shapes.
    """
    shape = tuple(minimum.inputs.shape[1:])
    if shape != (2,):
        raise ValueError(
            f"The input plane needs inputs with 2 features; these have shape {shape}. "
            "Ask for a plane slice instead."
        )
    return _slice(minimum, vectors, input_axes(minimum.inputs), frame, progress)


def plane_slice(
    minimum: Minimum,
    vectors: Tensor,
    plane: Plane,
    *,
    frame: Frame = Frame(),
    progress: Callable[[float], None] | None = None,
) -> Slice:
    """Any plane, its axes made orthonormal: coordinates are in input units.

    Raises ValueError for parallel directions or wrong shapes.
    """
    shape = minimum.inputs.shape[1:]
    for vector in plane:
        if vector.shape != shape:
            raise ValueError(
                f"The plane's vectors must have the inputs' shape {tuple(shape)}; "
                f"one has shape {tuple(vector.shape)}."
            )
    return _slice(minimum, vectors, plane.orthonormal(minimum.inputs), frame, progress)


def _slice(
    minimum: Minimum,
    vectors: Tensor,
    plane: Plane,
    frame: Frame,
    progress: Callable[[float], None] | None,
) -> Slice:
    require_classification(minimum)
    origin, axes, resolution = plane.origin, plane.axes, frame.resolution
    training, offset = _projected(minimum.inputs, origin, axes)
    x, y = frame.sides(training)
    logits: list[Tensor] = []
    aligned: list[Alignment] = []
    for points in grid_parts(origin, axes, x, y):
        logits.append(logits_at(minimum, points))
        told = _share(progress, sum(len(part) for part in logits), len(points), resolution**2)
        aligned.append(align(minimum, vectors, points, progress=told))
    square = (resolution, resolution)
    return Slice(
        x=x,
        y=y,
        classes=torch.cat([part.classes for part in aligned]).reshape(square),
        logit_gap=torch.cat([part.logit_gap for part in aligned]).reshape(square),
        class_fields=class_fields(torch.cat(logits)).reshape(-1, *square),
        alignment=torch.cat([part.values for part in aligned], dim=1).reshape(-1, *square),
        underflowed=sum(part.underflowed for part in aligned),
        origin=origin,
        axes=axes,
        training=training,
        offset=offset,
    )


def _projected(inputs: Tensor, origin: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates (n, 2) of inputs in the plane, and their distances (n,) from it."""
    flat_axes = axes.flatten(1)
    training: list[Tensor] = []
    offset: list[Tensor] = []
    for part in inputs.split(max(1, GRID_NUMBERS // origin.numel())):
        centred = (part - origin).flatten(1)
        training.append(centred @ flat_axes.T)
        offset.append(torch.linalg.vector_norm(centred - training[-1] @ flat_axes, dim=1))
    return torch.cat(training), torch.cat(offset)


def _share(
    progress: Callable[[float], None] | None, until: int, points: int, total: int
) -> Callable[[float], None] | None:
    """Progress of the part of a grid that ends after `until` of all its points."""
    if progress is None:
        return None
    return lambda done: progress((until - (1 - done) * points) / total)


def class_fields(logits: Tensor) -> Tensor:
    """f_c − max_{j≠c} f_j for logits (m, K), shape (K, m) float32: positive exactly in class c."""
    values, order = logits.topk(2, dim=1)
    best_other = torch.where(
        order[:, :1] == torch.arange(logits.shape[1], device=logits.device),
        values[:, 1:],
        values[:, :1],
    )
    return (logits - best_other).T.float()
