"""What the boundary stage looks at (grid, walk, classes, embedding) and what all of it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minimascope.analysis.costs.passes import GRADIENT_PASSES, quick_share, row_seconds
from minimascope.analysis.costs.planes import (
    has_principal_plane,
    point_seconds,
    resolution_for,
)
from minimascope.analysis.session.opening import class_count, is_planar
from minimascope.boundary.complexity import random_at_once
from minimascope.boundary.flips import CONTROLS
from minimascope.curvature.minimum.minimum import Minimum

RANDOM_VECTORS = 100
WALKED = 5  # leading eigenvectors
POINTS, PIXELS = 21, 60  # steps of a walk; side of the map at each, where inputs are 2-D
# CPU seconds that the passes of all walks over the training set may take: of a larger one a sample
# is walked over, and the report says how many points it has.
WALK_SECONDS = 60.0
FEWEST_WALKED = 256
# CPU seconds within which a loss surface has a mean at every step of both walks; beyond, at every
# second one, which is about what the walks took; beyond the last, none.
SURFACE_SECONDS, COARSE_SURFACE_SECONDS = 10.0, 40.0
MOST_CLASSES = 10  # beyond, pairs are too many to read
HESSIAN_WORK = 4e7  # n·p up to which vectors and products of a subset are soon done
# CPU seconds of all subsets' products. Convolutions of large images need more than n·p tells.
HESSIAN_SECONDS = 15.0
HESSIAN_PASSES = 300.0  # over each example: some 50 products in its class
# Of the CPU seconds that the stage has beside its passes over all points.
PLANE_SHARE, WALK_SHARE, SURFACE_SHARE = 0.35, 0.25, 0.15
HESSIAN_SHARE, EMBEDDING_SHARE = 0.1, 0.15
EMBEDDED = range(10, 5001)  # examples
EMBEDDING_SECONDS = (0.7, 0.005)  # of t-SNE, and an example


@dataclass(frozen=True)
class BoundarySizes:
    """What is looked at; the stage and its plan both take it from `boundary_sizes`.

    resolution: grid points a side of the drawn plane, None where there is none. walked: training
    points of every walk. surface: means a side of the loss surface, 0 for none. hessians: whether
    classes have Hessians of their own. embedded: whether the inputs are embedded by t-SNE.
    """

    resolution: int | None
    walked: int
    surface: int
    hessians: bool
    embedded: bool


def boundary_sizes(minimum: Minimum, *, vectors: int, seconds: float = math.inf) -> BoundarySizes:
    """For so many leading eigenvectors, in about so many CPU seconds at most."""
    drawn = is_planar(minimum) or has_principal_plane(minimum)
    left = max(0.0, seconds - passes_seconds(minimum))
    quick = left / quick_share(minimum)
    grid = {"vectors": vectors + CONTROLS, "seconds": PLANE_SHARE * quick}
    walked = walked_count(minimum, WALK_SHARE * quick)
    hessians = hessian_seconds(minimum)
    return BoundarySizes(
        resolution=resolution_for(minimum, **grid) if drawn else None,
        walked=walked,
        surface=surface_side(minimum, walked, SURFACE_SHARE * quick) if vectors > 1 else 0,
        hessians=hessians is not None and hessians <= HESSIAN_SHARE * quick,
        embedded=is_embedded(minimum) and embedding_seconds(minimum) <= EMBEDDING_SHARE * left,
    )


def passes_seconds(minimum: Minimum) -> float:
    """CPU seconds of the gradients of all points, which nothing makes fewer: with the top
    eigenvectors, with all known ones, with random ones."""
    passes = 2 + math.ceil(RANDOM_VECTORS / random_at_once(minimum.dim))
    return GRADIENT_PASSES * row_seconds(minimum) * passes * minimum.n


def embedding_seconds(minimum: Minimum) -> float:
    """Of t-SNE, which the network has no part in."""
    base, more = EMBEDDING_SECONDS
    return base + more * minimum.n


def is_embedded(minimum: Minimum) -> bool:
    """Inputs that cannot be drawn as they are, and are few enough to be told apart."""
    return has_principal_plane(minimum) and not is_planar(minimum) and minimum.n in EMBEDDED


def walked_count(minimum: Minimum, seconds: float = math.inf) -> int:
    """Training points of a walk: all, or as many as are soon passed over."""
    affordable = int(min(WALK_SECONDS, seconds) / (WALKED * POINTS * row_seconds(minimum)))
    return min(minimum.n, max(FEWEST_WALKED, affordable))


def surface_side(minimum: Minimum, walked: int, seconds: float = math.inf) -> int:
    """Means a side of the loss surface, of as many points as are walked over."""
    if surface_seconds(minimum, POINTS, walked) <= min(SURFACE_SECONDS, seconds):
        return POINTS
    coarse = POINTS // 2 + 1
    soon = surface_seconds(minimum, coarse, walked) <= min(COARSE_SURFACE_SECONDS, seconds)
    return coarse if soon else 0


def surface_seconds(minimum: Minimum, side: int, walked: int) -> float:
    """CPU seconds, as if there were as many test points as are walked over.

    The training loss along the axes is that of the walks.
    """
    passes = side**2 + max(side - 1, 0) ** 2
    return passes * walked * row_seconds(minimum)


def hessian_seconds(minimum: Minimum) -> float | None:
    """CPU seconds of the classes' Hessians, from counted work; None where they are left out."""
    if (class_count(minimum) or 0) > MOST_CLASSES:
        return None
    seconds = HESSIAN_PASSES * minimum.n * row_seconds(minimum)
    within = minimum.n * minimum.dim <= HESSIAN_WORK and seconds <= HESSIAN_SECONDS
    return seconds if within else None


def boundary_seconds(
    minimum: Minimum, *, vectors: int, slower: float, seconds: float = math.inf
) -> float:
    """Wall seconds, each counted second taking `slower`, of what fits into `seconds`."""
    sizes = boundary_sizes(minimum, vectors=vectors, seconds=seconds / slower)
    each, counted = row_seconds(minimum), passes_seconds(minimum)
    grid = (sizes.resolution or 0) ** 2 * point_seconds(minimum, vectors=vectors + CONTROLS)
    points = sizes.walked + is_planar(minimum) * PIXELS**2
    walks = min(WALKED, vectors) * POINTS * points * each
    walks += surface_seconds(minimum, sizes.surface, sizes.walked)
    hessians = hessian_seconds(minimum) if sizes.hessians else None
    counted += quick_share(minimum) * (grid + walks + (hessians or 0.0))
    return slower * counted + (embedding_seconds(minimum) if sizes.embedded else 0.0)
