"""How many points are searched for their margins and how long, and what all of it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minimascope.analysis.costs.certificates import BoundSizes, bound_sizes
from minimascope.analysis.costs.passes import (
    GRADIENT_PASSES,
    NUMBER_SECONDS,
    quick_share,
    row_seconds,
)
from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.layers import dense_layers
from minimascope.curvature.minimum.minimum import Minimum

NORMS: tuple[NormName, ...] = ("l2", "linf")
STARTS = 16  # inputs optimised per eigenvector
LEADING = 5  # eigenvectors whose margin is estimated
STEPS = range(20, 301)  # ascent steps of those inputs, fewer for large networks
# What a search costs in both norms is about this many passes of its point forward: 0.2 s for the
# convolutional network of 9,098 parameters on images of 28 × 28.
PASSES = 1450
# CPU seconds that a search of all points may take: a larger training set is sampled, and the
# report says how many points were searched.
SEARCH_SECONDS = 60.0
FEWEST = 32
SHARD_SECONDS = 6.0  # of one part
# Ascent steps × starts × vectors × parameters along eigenvectors: gradients at each.
ASCENT_NUMBERS = 1e9
ASCENT_SECONDS = 60.0  # CPU seconds of all steps
# Of the CPU seconds that the stage may take at most; the rest is for bounds.
SEARCH_SHARE, ASCENT_SHARE = 0.45, 0.2
NUMBER_PASSES = 30  # over the numbers of an input, which a step of its ascent makes


@dataclass(frozen=True)
class MarginSizes:
    """What is looked at; the stage and its plan both take it from `margin_sizes`.

    searched: training points, in both norms; bounds: what is proved of them; vectors: eigenvectors
    whose margin is estimated; steps: ascent steps of each.
    """

    searched: int
    bounds: BoundSizes
    vectors: int
    steps: int


def margin_sizes(minimum: Minimum, *, vectors: int, seconds: float = math.inf) -> MarginSizes:
    """For so many leading eigenvectors, in about so many CPU seconds at most; nothing is searched
    where there are no margins."""
    leading, searched = min(vectors, LEADING), searched_count(minimum, seconds)
    return MarginSizes(
        searched=searched,
        bounds=bound_sizes(minimum, searched, seconds=seconds),
        vectors=leading,
        steps=steps_for(minimum, vectors=leading, seconds=seconds),
    )


def searched_count(minimum: Minimum, seconds: float = math.inf) -> int:
    """All training points, or as many as are soon searched; 0 where there are no margins."""
    if not minimum.loss.classifies or not minimum.inputs.is_floating_point():
        return 0
    budget = min(SEARCH_SECONDS, SEARCH_SHARE * seconds / quick_share(minimum))
    return min(minimum.n, max(FEWEST, int(budget / (PASSES * row_seconds(minimum)))))


def points_together(minimum: Minimum) -> int:
    """Points of one part of the search, which another worker may take."""
    return max(FEWEST, int(SHARD_SECONDS / search_seconds(minimum)))


def search_seconds(minimum: Minimum) -> float:
    """CPU seconds of the search from one point in one norm, from counted work."""
    return quick_share(minimum) * PASSES * row_seconds(minimum) / len(NORMS)


def steps_for(minimum: Minimum, *, vectors: int, seconds: float = math.inf) -> int:
    """Ascent steps: 300, fewer for large networks."""
    budget = min(ASCENT_SECONDS, ASCENT_SHARE * seconds / quick_share(minimum))
    affordable = budget / step_seconds(minimum, vectors=vectors)
    if dense_layers(minimum) is None:  # without a closed form of the gradient
        affordable = min(affordable, ASCENT_NUMBERS / (minimum.dim * STARTS * vectors))
    return max(STEPS[0], min(STEPS[-1], int(affordable)))


def step_seconds(minimum: Minimum, *, vectors: int) -> float:
    """CPU seconds of one ascent step from all starts, from counted work in float64."""
    moving = NUMBER_PASSES * NUMBER_SECONDS * minimum.inputs[0].numel()
    return vectors * STARTS * (2 * GRADIENT_PASSES * row_seconds(minimum) + moving)


def margins_seconds(
    minimum: Minimum, *, vectors: int, slower: float, seconds: float = math.inf
) -> float:
    """Wall seconds of searches, bounds and ascents, each counted second taking `slower`, of those
    that fit into `seconds`."""
    sizes = margin_sizes(minimum, vectors=vectors, seconds=seconds / slower)
    each = sizes.searched * search_seconds(minimum) + sizes.bounds.seconds
    ascents = sizes.steps * step_seconds(minimum, vectors=sizes.vectors) * quick_share(minimum)
    return slower * (len(NORMS) * each + ascents)
