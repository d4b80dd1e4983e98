"""Sign flips of alignments where a grid crosses the decision boundary.

Crossing from class c₁ to c₂ turns the residual around while the logits' Jacobian is continuous,
so A_k(x) changes sign (docs/mathematics.md, section 4). Random unit vectors flip too: only the
size of |A| is specific to top eigenvectors, hence the rates over edges with |A| above a gate on
both sides, and the random-vector control.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.alignment import align
from minimascope.boundary.planes import grid_parts
from minimascope.boundary.slices import Slice
from minimascope.curvature.minimum.minimum import Minimum

GATE = 0.1
CONTROLS = 5  # random vectors beside the eigenvectors


@dataclass(frozen=True)
class FlipRates:
    """Share of edges on which the alignment changes sign, None where there is no such edge.

    cross: edges whose ends have different classes; inside: all others; strong_*: of those, only
    edges with |A| > gate at both ends.
    """

    cross: float | None
    inside: float | None
    strong_cross: float | None
    strong_inside: float | None
    n_cross: int
    n_strong_cross: int


@dataclass(frozen=True)
class Flips:
    """Rates per vector and their mean over random unit vectors; explained[k] is the share of
    boundary edges on which at least one of vectors 1..k+1 flips strongly.
    """

    per_vector: list[FlipRates]
    random_control: FlipRates
    explained: list[float | None]
    gate: float


def edge_values(field: Tensor) -> tuple[Tensor, Tensor]:
    """The two ends of every horizontal and vertical grid edge of (..., s, t), each (..., edges)."""
    left = torch.cat([field[..., :, :-1].flatten(-2), field[..., :-1, :].flatten(-2)], dim=-1)
    right = torch.cat([field[..., :, 1:].flatten(-2), field[..., 1:, :].flatten(-2)], dim=-1)
    return left, right


def flip_rates(classes: Tensor, alignment: Tensor, *, gate: float = GATE) -> list[FlipRates]:
    """Flip rates for classes (s, t) and alignments (k, s, t); edges with a NaN end are left out."""
    return [_rates(classes, values, gate) for values in alignment]


def _rates(classes: Tensor, values: Tensor, gate: float) -> FlipRates:
    first, second = edge_values(classes)
    a, b = edge_values(values)
    known = a.isfinite() & b.isfinite()
    crossing = first != second
    flipped = a.sign() != b.sign()
    strong = (a.abs() > gate) & (b.abs() > gate)
    groups = [
        known & crossing,
        known & ~crossing,
        known & crossing & strong,
        known & ~crossing & strong,
    ]
    rates = [_share(flipped, group) for group in groups]
    return FlipRates(*rates, n_cross=int(groups[0].sum()), n_strong_cross=int(groups[2].sum()))


def _share(flipped: Tensor, group: Tensor) -> float | None:
    members = int(group.sum())
    return int((flipped & group).sum()) / members if members else None


def explained_share(
    classes: Tensor, alignment: Tensor, *, gate: float = GATE
) -> list[float | None]:
    """Share of boundary edges on which at least one of the leading vectors flips strongly."""
    first, second = edge_values(classes)
    a, b = edge_values(alignment)
    strong = (a.sign() != b.sign()) & (a.abs() > gate) & (b.abs() > gate)
    explained = strong.cumsum(dim=0) > 0
    return [_share(row, first != second) for row in explained]


def control_vectors(minimum: Minimum, *, count: int = CONTROLS, seed: int = 0) -> Tensor:
    """Random vectors (count, p), whose alignments flip at boundaries, too."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, minimum.dim, generator=generator, dtype=torch.float64)


def sign_flips(
    minimum: Minimum,
    plane: Slice,
    *,
    seed: int = 0,
    gate: float = GATE,
    random: Tensor | None = None,
) -> Flips:
    """Flip rates on a slice's grid, with the mean over `control_vectors`.

    `random` (controls, s, t) are their alignments on the grid where they are known.
    """
    if random is None:
        controls = control_vectors(minimum, seed=seed)
        grid = grid_parts(plane.origin, plane.axes, plane.x, plane.y)
        values = [align(minimum, controls, points).values for points in grid]
        random = torch.cat(values, dim=1).reshape(-1, *plane.classes.shape)
    return Flips(
        per_vector=flip_rates(plane.classes, plane.alignment, gate=gate),
        random_control=_mean_rates(flip_rates(plane.classes, random, gate=gate)),
        explained=explained_share(plane.classes, plane.alignment, gate=gate),
        gate=gate,
    )


def _mean_rates(rates: list[FlipRates]) -> FlipRates:
    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None and math.isfinite(value)]
        return sum(known) / len(known) if known else None

    return FlipRates(
        mean([rate.cross for rate in rates]),
        mean([rate.inside for rate in rates]),
        mean([rate.strong_cross for rate in rates]),
        mean([rate.strong_inside for rate in rates]),
        n_cross=rates[0].n_cross if rates else 0,
        n_strong_cross=sum(rate.n_strong_cross for rate in rates),
    )
