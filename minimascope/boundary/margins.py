"""Closest crossings: distances from points to verified points of the decision boundary.

The margin of x is the distance to the nearest input of another class. Each value here is the
distance to an input that the network puts in another class, hence an upper bound on the true
margin; an input within 1e-9 of it towards x still has x's class (docs/mathematics.md, section 4).
Lower bounds are proved in `certificates`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName, length
from minimascope.boundary.certified_search import CertifiedSearch
from minimascope.boundary.class_map import ClassMap
from minimascope.boundary.classification import require_classification
from minimascope.curvature.minimum.minimum import Minimum


@dataclass(frozen=True)
class ClosestCrossings:
    """Upper bounds on the margins of n points.

    values (n,) distances, NaN where no other class was reached; ends (n, *input shape) the
    verified inputs of another class; classes (n,) of the points and beyond (n,) of the ends
    (−1 where unreached); argmin the point of smallest value, None if none was reached;
    unreached the number of NaN values.
    """

    values: Tensor
    ends: Tensor
    classes: Tensor
    beyond: Tensor
    argmin: int | None
    unreached: int
    norm: NormName


def closest_crossings(
    minimum: Minimum,
    *,
    inputs: Tensor | None = None,
    norm: NormName = "l2",
    seed: int = 0,
    chunk: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> ClosestCrossings:
    """Closest crossings of `inputs` (the training points if None) in the ℓ₂ or ℓ∞ norm.

    `chunk` points are searched at a time. Raises ValueError for regression and for inputs that
    are not floating point, between which there are no distances.
    """
    points = minimum.inputs if inputs is None else inputs
    ends = boundary_ends(minimum, points, norm=norm, seed=seed, chunk=chunk, progress=progress)
    return measured(minimum, points, ends, norm=norm)


def boundary_ends(
    minimum: Minimum,
    points: Tensor,
    *,
    norm: NormName,
    seed: int = 0,
    chunk: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Inputs of another class near `points` (n, ...), of the same shape; NaN where none was found.

    Raises what `closest_crossings` does. Each call draws its random directions anew from `seed`.
    """
    require_classification(minimum)
    if norm not in ("l2", "linf"):
        raise ValueError(f"Unknown norm '{norm}': margins are measured in 'l2' or 'linf'.")
    if not points.is_floating_point():
        raise ValueError(f"Margins need real-valued inputs; these are {points.dtype}.")
    generator = torch.Generator().manual_seed(seed)
    search = CertifiedSearch.of(minimum, norm=norm, generator=generator)
    flat, done = points.flatten(1), 0
    parts: list[Tensor] = []
    for part in torch.split(flat, chunk or _points_at_once(flat.shape[1])):
        parts.append(search.ends(part))
        done += part.shape[0]
        if progress is not None:
            progress(done / flat.shape[0])
    return torch.cat(parts).reshape(points.shape)


def _points_at_once(dimensions: int) -> int:
    # About 20 candidate inputs of each point are held: 2^24 numbers are 128 MB in float64.
    return max(1, min(1024, 2**24 // (20 * dimensions)))


def measured(minimum: Minimum, points: Tensor, ends: Tensor, *, norm: NormName) -> ClosestCrossings:
    """The distances of `ends` from `points` (both (n, ...)), each end verified again."""
    surface = ClassMap(minimum)
    flat, ends = points.flatten(1), ends.flatten(1)
    classes = surface.classes(flat)
    ends = _verified(surface, flat, ends, classes)
    values = length(ends - flat, norm)
    reached = ~values.isnan()
    beyond = torch.where(reached, surface.classes(ends.nan_to_num()), -1)
    order = torch.where(reached, values, torch.inf)
    return ClosestCrossings(
        values=values,
        ends=ends.reshape(points.shape),
        classes=classes,
        beyond=beyond,
        argmin=int(order.argmin()) if bool(reached.any()) else None,
        unreached=int((~reached).sum()),
        norm=norm,
    )


def _verified(surface: ClassMap, x: Tensor, ends: Tensor, own: Tensor) -> Tensor:
    """Ends whose class differs when evaluated again; NaN where that cannot be had.

    Logits this close to the boundary change sign with the rounding of another batch size. Such
    ends are pushed outward, by at most 2^8 roundings, which their distance then includes.
    """
    push = 4 * torch.finfo(x.dtype).eps
    for _ in range(8):
        doubtful = (surface.classes(ends.nan_to_num()) == own) & ~ends[:, 0].isnan()
        if not bool(doubtful.any()):
            return ends
        push *= 2
        moved = x + (1 + push) * (ends - x)
        ends = torch.where(doubtful[:, None], moved, ends)
    doubtful = surface.classes(ends.nan_to_num()) == own
    return torch.where(doubtful[:, None], torch.nan, ends)
