"""Planes through input space: where they lie, what of them is drawn, the inputs on their grid.

For 2-D inputs the plane is the input space itself. Otherwise it is spanned by two directions:
through three chosen inputs, or along the first two principal components of the data
(docs/mathematics.md, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Bounds = tuple[tuple[float, float], tuple[float, float]]

GRID_NUMBERS = 2**25  # of a grid's inputs held at once: 256 MB in float64
SMALL = 800  # rows or columns of data whose singular vectors are a matter of a second


class Plane(NamedTuple):
    """An input-shaped origin and two directions from it, in input units."""

    origin: Tensor
    axis1: Tensor
    axis2: Tensor

    def orthonormal(self, like: Tensor) -> Plane:
        """The same plane with orthonormal axes, on the dtype and device of `like`.

        Raises ValueError for directions that are parallel or zero.
        """
        axis1, axis2 = self.axis1.to(like), self.axis2.to(like)
        first = axis1 / torch.linalg.vector_norm(axis1)
        rest = axis2 - (axis2 * first).sum() * first
        size, before = torch.linalg.vector_norm(rest), torch.linalg.vector_norm(axis2)
        if not (first.isfinite().all() and size > 1e-6 * before):
            raise ValueError(
                "The two directions do not span a plane: one is zero or they are parallel. "
                "Choose three inputs that do not lie on one line."
            )
        return Plane(self.origin.to(like), first, rest / size)

    @property
    def axes(self) -> Tensor:
        """Both directions (2, ...)."""
        return torch.stack([self.axis1, self.axis2])


@dataclass(frozen=True)
class Frame:
    """What is drawn: `resolution` points a side, `margin` of the data's range around the data.

    Or exactly `bounds` = ((x_low, x_high), (y_low, y_high)).
    """

    resolution: int = 200
    margin: float = 0.15
    bounds: Bounds | None = None

    def sides(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """x and y (resolution,) around points (n, 2) of the plane.

        Raises ValueError for fewer than two points a side.
        """
        if self.resolution < 2:
            raise ValueError(
                f"A slice needs a resolution of at least 2; {self.resolution} was asked for."
            )
        (x_low, x_high), (y_low, y_high) = self.bounds or data_bounds(points, self.margin)
        x = torch.linspace(x_low, x_high, self.resolution).to(points)
        return x, torch.linspace(y_low, y_high, self.resolution).to(points)


def input_axes(like: Tensor) -> Plane:
    """The plane that 2-D inputs (n, 2) are points of."""
    axes = torch.eye(2, dtype=like.dtype, device=like.device)
    return Plane(torch.zeros_like(axes[0]), axes[0], axes[1])


def plane_through(inputs: Tensor) -> Plane:
    """The plane through three inputs (3, ...); the origin is the first."""
    if inputs.shape[0] != 3:
        raise ValueError(f"A plane goes through three inputs; {inputs.shape[0]} were given.")
    return Plane(inputs[0], inputs[1] - inputs[0], inputs[2] - inputs[0])


def principal_plane(inputs: Tensor, first: int = 1, second: int = 2) -> Plane:
    """Through the mean along two principal directions of inputs (n, ...), counted from 1."""
    axes = principal_axes(inputs, max(first, second))
    return Plane(inputs.mean(dim=0), axes[first - 1], axes[second - 1])


def principal_axes(inputs: Tensor, count: int) -> Tensor:
    """The first `count` principal directions (count, ...) of inputs (n, ...)."""
    return _principal_directions(inputs, count).reshape(count, *inputs.shape[1:])


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


def data_bounds(training: Tensor, margin: float) -> Bounds:
    """The range of points (n, 2), `margin` of it wider on every side."""
    low, high = training.amin(dim=0), training.amax(dim=0)
    # All points on one coordinate still give a plane of nonzero size.
    reach = margin * torch.where(high > low, high - low, torch.ones_like(low))
    box: Sequence[Sequence[float]] = torch.stack([low - reach, high + reach], dim=1).tolist()
    return (box[0][0], box[0][1]), (box[1][0], box[1][1])
