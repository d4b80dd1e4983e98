"""What the pictures of a language model look at, and what they take."""

from __future__ import annotations

from minimascope.analysis.costs.boundary import POINTS, WALK_SECONDS, WALKED
from minimascope.analysis.costs.passes import quick_share, row_seconds
from minimascope.curvature.minimum.minimum import Minimum

SHOWN = 6  # sequences whose tokens are shown
FEWEST = 2  # sequences walked over
PULL_PASSES = 3.0  # forward passes that a derivative along a vector costs


def vectors_walked(known: int) -> int:
    """Leading eigenvectors that are walked along."""
    return min(WALKED, known)


def sequences_walked(minimum: Minimum) -> int:
    """Sequences of a walk: all, or as many as are soon passed over."""
    affordable = int(WALK_SECONDS / (WALKED * POINTS * row_seconds(minimum)))
    return min(minimum.n, max(FEWEST, affordable))


def tokens_seconds(minimum: Minimum, *, vectors: int, slower: float) -> float:
    """Wall seconds, each counted second taking `slower`."""
    shown = min(SHOWN, minimum.n)
    passes = POINTS * (sequences_walked(minimum) + shown) + PULL_PASSES * shown
    counted = vectors_walked(vectors) * passes * row_seconds(minimum)
    return slower * quick_share(minimum) * counted
