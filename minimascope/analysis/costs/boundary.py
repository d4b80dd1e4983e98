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
SURFACE_SECONDS, COARSE_SURFACE_SECONDS = 20.0, 90.0
MOST_CLASSES = 10  # beyond, pairs are too many to read
HESSIAN_WORK = 4e7  # n·p up to which vectors and products of a subset are soon done
# CPU seconds of all subsets' products. Convolutions of large images need more than n·p tells.
HESSIAN_SECONDS = 15.0
HESSIAN_PASSES = 300.0  # over each example: some 50 products in its class
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


def boundary_sizes(minimum: Minimum, *, vectors: int) -> BoundarySizes:
    """For so many leading eigenvectors."""
    drawn = is_planar(minimum) or has_principal_plane(minimum)
    return BoundarySizes(
        resolution=resolution_for(minimum, vectors=vectors + CONTROLS) if drawn else None,
        walked=walked_count(minimum),
        surface=surface_side(minimum) if vectors > 1 else 0,
        hessians=hessian_seconds(minimum) is not None,
        embedded=is_embedded(minimum),
    )


def is_embedded(minimum: Minimum) -> bool:
    """Inputs that cannot be drawn as they are, and are few enough to be told apart."""
    return has_principal_plane(minimum) and not is_planar(minimum) and minimum.n in EMBEDDED


def walked_count(minimum: Minimum) -> int:
    """Training points of a walk: all, or as many as are soon passed over."""
    affordable = int(WALK_SECONDS / (WALKED * POINTS * row_seconds(minimum)))
    return min(minimum.n, max(FEWEST_WALKED, affordable))


def surface_side(minimum: Minimum) -> int:
    """Means a side of the loss surface."""
    if surface_seconds(minimum, POINTS) <= SURFACE_SECONDS:
        return POINTS
    coarse = POINTS // 2 + 1
    return coarse if surface_seconds(minimum, coarse) <= COARSE_SURFACE_SECONDS else 0


def surface_seconds(minimum: Minimum, side: int) -> float:
    """CPU seconds, as if there were as many test points as are walked over.

    The training loss along the axes is that of the walks.
    """
    passes = side**2 + max(side - 1, 0) ** 2
    return passes * walked_count(minimum) * row_seconds(minimum)


def hessian_seconds(minimum: Minimum) -> float | None:
    """CPU seconds of the classes' Hessians, from counted work; None where they are left out."""
    if (class_count(minimum) or 0) > MOST_CLASSES:
        return None
    seconds = HESSIAN_PASSES * minimum.n * row_seconds(minimum)
    within = minimum.n * minimum.dim <= HESSIAN_WORK and seconds <= HESSIAN_SECONDS
    return seconds if within else None


def boundary_seconds(minimum: Minimum, *, vectors: int, slower: float) -> float:
    """Wall seconds, each counted second taking `slower`."""
    sizes, each = boundary_sizes(minimum, vectors=vectors), row_seconds(minimum)
    # Of the points: with the top eigenvectors, with all known ones, with random ones.
    passes = 2 + math.ceil(RANDOM_VECTORS / random_at_once(minimum.dim))
    counted = GRADIENT_PASSES * each * passes * minimum.n
    grid = (sizes.resolution or 0) ** 2 * point_seconds(minimum, vectors=vectors + CONTROLS)
    points = sizes.walked + is_planar(minimum) * PIXELS**2
    walks = min(WALKED, vectors) * POINTS * points * each
    walks += surface_seconds(minimum, sizes.surface)
    counted += quick_share(minimum) * (grid + walks + (hessian_seconds(minimum) or 0.0))
    base, more = EMBEDDING_SECONDS  # which the network has no part in
    return slower * counted + (base + more * minimum.n if sizes.embedded else 0.0)
