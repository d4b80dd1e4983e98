"""Planes through input space with everything a picture of the decision boundary needs.

For 2-D inputs the plane is the input space itself. Otherwise it is spanned by two directions:
through three chosen inputs, or along the first two principal components of the data
(docs/mathematics.md, section 4). A plane through images shows the network's function there,
not where data lies, so every training point comes with its distance from the plane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.alignment import Alignment, align
from minimascope.boundary.classification import logits_at, require_classification
from minimascope.curvature.minimum.minimum import Minimum

Bounds = tuple[tuple[float, float], tuple[float, float]]

GRID_NUMBERS = 2**25  # of a grid's inputs held at once: 256 MB in float64
SMALL = 800  # rows or columns of data whose singular vectors are a matter of a second


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
    resolution: int = 200,
    margin: float = 0.15,
    bounds: Bounds | None = None,
    progress: Callable[[float], None] | None = None,
) -> Slice:
    """The input plane of a network on 2-D inputs, with alignments for vectors (k, p).

    It reaches `margin` of the data range beyond the training points on every side, or exactly
    `bounds` = ((x_low, x_high), (y_low, y_high)). Raises ValueError for other input shapes.
    """
    shape = tuple(minimum.inputs.shape[1:])
    if shape != (2,):
        raise ValueError(
            f"The input plane needs inputs with 2 features; these have shape {shape}. "
            "Ask for a plane slice instead."
        )
    axes = torch.eye(2, dtype=minimum.inputs.dtype, device=minimum.inputs.device)
    origin = torch.zeros_like(axes[0])
    return _slice(minimum, vectors, origin, axes, resolution, margin, bounds, progress)


def plane_slice(
    minimum: Minimum,
    vectors: Tensor,
    origin: Tensor,
    axis1: Tensor,
    axis2: Tensor,
    *,
    resolution: int = 200,
    margin: float = 0.15,
    bounds: Bounds | None = None,
    progress: Callable[[float], None] | None = None,
) -> Slice:
    """The plane through `origin` along two input-shaped directions, made orthonormal here.

    Coordinates are in input units. Raises ValueError for parallel directions or wrong shapes.
    """
    shape = minimum.inputs.shape[1:]
    for vector in (origin, axis1, axis2):
        if vector.shape != shape:
            raise ValueError(
                f"The plane's vectors must have the inputs' shape {tuple(shape)}; "
                f"one has shape {tuple(vector.shape)}."
            )
    axes = _orthonormal(axis1.to(minimum.inputs), axis2.to(minimum.inputs))
    return _slice(
        minimum, vectors, origin.to(minimum.inputs), axes, resolution, margin, bounds, progress
    )


def plane_through(inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Origin and axes of the plane through three inputs (3, ...); the origin is the first."""
    if inputs.shape[0] != 3:
        raise ValueError(f"A plane goes through three inputs; {inputs.shape[0]} were given.")
    return inputs[0], inputs[1] - inputs[0], inputs[2] - inputs[0]


def principal_plane(inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and first two principal directions of inputs (n, ...)."""
    mean, axes = principal_axes(inputs, 2)
    return mean, axes[0], axes[1]


def principal_axes(inputs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and the first `count` principal directions (count, ...) of inputs (n, ...)."""
    directions = _principal_directions(inputs, count)
    return inputs.mean(dim=0), directions.reshape(count, *inputs.shape[1:])


def embedding(inputs: Tensor, dims: int = 2) -> Tensor:
    """Coordinates (n, dims) along the first principal components (largest weight positive)."""
    flat = inputs.flatten(1)
    return (flat - flat.mean(dim=0)) @ _principal_directions(inputs, dims).T


def _principal_directions(inputs: Tensor, dims: int) -> Tensor:
    flat = inputs.flatten(1)
    if not flat.is_floating_point() or flat.shape[1] < dims or flat.shape[0] <= dims:
        raise ValueError(
            f"{flat.shape[0]} inputs with {flat.shape[1]} {flat.dtype} features have no "
            f"{dims} principal components."
        )
    directions = _right_singular_vectors(flat - flat.mean(dim=0), dims)
    # The sign of a principal direction is arbitrary; the largest entry is made positive.
    largest = directions.abs().argmax(dim=1, keepdim=True)
    return directions * directions.gather(1, largest).sign()


def _right_singular_vectors(matrix: Tensor, count: int) -> Tensor:
    """The leading ones (count, d) of a matrix (n, d).

    Of a large one from its Gram matrix, which blurs those whose singular value is below 1e-8 of the
    largest: the leading few of data are not, and 50,000 images take seconds in place of minutes.
    """
    n, d = matrix.shape
    if min(n, d) <= SMALL:
        return torch.linalg.svd(matrix, full_matrices=False).Vh[:count]
    if d <= n:
        return torch.linalg.eigh(matrix.T @ matrix).eigenvectors[:, -count:].T.flip(0)
    left = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -count:].T.flip(0)
    return torch.nn.functional.normalize(left @ matrix, dim=1)


def _orthonormal(axis1: Tensor, axis2: Tensor) -> Tensor:
    first = axis1 / torch.linalg.vector_norm(axis1)
    rest = axis2 - (axis2 * first).sum() * first
    size, before = torch.linalg.vector_norm(rest), torch.linalg.vector_norm(axis2)
    if not (first.isfinite().all() and size > 1e-6 * before):
        raise ValueError(
            "The two directions do not span a plane: one is zero or they are parallel. "
            "Choose three inputs that do not lie on one line."
        )
    return torch.stack([first, rest / size])


def _slice(
    minimum: Minimum,
    vectors: Tensor,
    origin: Tensor,
    axes: Tensor,
    resolution: int,
    margin: float,
    bounds: Bounds | None,
    progress: Callable[[float], None] | None,
) -> Slice:
    require_classification(minimum)
    if resolution < 2:
        raise ValueError(f"A slice needs a resolution of at least 2; {resolution} was asked for.")
    training, offset = _projected(minimum.inputs, origin, axes)
    (x_low, x_high), (y_low, y_high) = bounds or data_bounds(training, margin)
    x = torch.linspace(x_low, x_high, resolution).to(training)
    y = torch.linspace(y_low, y_high, resolution).to(training)
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


def grid_parts(origin: Tensor, axes: Tensor, x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """Inputs (m, ...) at all grid points, x running fastest, some at a time.

    All at once those of a plane through images of 3 × 224 × 224 would be 48 GB.
    """
    down, across = torch.meshgrid(y, x, indexing="ij")
    coordinates = torch.stack([across.flatten(), down.flatten()], dim=1)
    for part in coordinates.split(max(1, GRID_NUMBERS // origin.numel())):
        yield (origin.flatten() + part @ axes.flatten(1)).reshape(-1, *origin.shape)


def grid_inputs(origin: Tensor, axes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """All of `grid_parts` at once, (len(y)·len(x), ...)."""
    return torch.cat(list(grid_parts(origin, axes, x, y)))


def class_fields(logits: Tensor) -> Tensor:
    """f_c − max_{j≠c} f_j for logits (m, K), shape (K, m) float32: positive exactly in class c."""
    values, order = logits.topk(2, dim=1)
    best_other = torch.where(
        order[:, :1] == torch.arange(logits.shape[1], device=logits.device),
        values[:, 1:],
        values[:, :1],
    )
    return (logits - best_other).T.float()


def data_bounds(training: Tensor, margin: float) -> Bounds:
    """The range of points (n, 2), `margin` of it wider on every side."""
    low, high = training.amin(dim=0), training.amax(dim=0)
    # All points on one coordinate still give a plane of nonzero size.
    reach = margin * torch.where(high > low, high - low, torch.ones_like(low))
    box: Sequence[Sequence[float]] = torch.stack([low - reach, high + reach], dim=1).tolist()
    return (box[0][0], box[0][1]), (box[1][0], box[1][1])
