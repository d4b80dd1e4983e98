"""What every stage of an analysis would take, before it is asked for.

The spectrum's seconds come from its own products, timed (workers/curvature/planner.py), and so do
the density's. Of the other stages the work is counted (workers/analysis/work.py) and multiplied by
how much longer than counted one pass takes on this machine now. How near all of it comes:
benchmarks/stage_costs.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from minimascope.analysis.costs.passes import GRADIENT_PASSES, row_seconds
from minimascope.analysis.stages import gap as gap_stage
from minimascope.analysis.stages import margins as margins_stage
from minimascope.analysis.stages.boundary import RANDOM_VECTORS
from minimascope.analysis.stages.class_subsets import hessian_seconds
from minimascope.analysis.stages.embeddings import MOST as EMBEDDED
from minimascope.analysis.stages.planes import has_principal_plane, point_seconds, resolution_for
from minimascope.analysis.stages.walks import walk_seconds
from minimascope.boundary.complexity import random_at_once
from minimascope.boundary.flips import CONTROLS
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.matrix_units import units_for
from minimascope.curvature.spectrum.plan import Plan

DENSITY_PRODUCTS = 320  # of the Lanczos route: 8 probes of 40 steps
SINGLE = 0.55  # of a float64 product, that in float32 which the probes are content with
ROUNDED = 0.6  # of a float32 product, that on matrix units; convolutions gain little
EMBEDDING_SECONDS = (0.7, 0.005)  # of t-SNE, and an example
STARTED = 0.5  # seconds of any stage, whatever the network
ESTIMATE_SECONDS = 3e-5  # of the gap's estimates beside its sweep, a parameter
TIMED = 256  # rows


def stage_costs(
    minimum: Minimum, plan: Plan, stages: Sequence[Stage], *, top_k: int
) -> dict[Stage, float]:
    """Wall seconds of each of `stages`, the shards of a stage all on this machine."""
    each = row_seconds(minimum)
    slower = _slower(minimum, each)
    known: dict[Stage, Callable[[], float]] = {
        "spectrum": lambda: plan.seconds,
        "density": lambda: _density(plan, minimum),
        "gap": lambda: _gap(minimum, slower),
        "boundary": lambda: slower * _boundary(minimum, each, top_k) + _embedding(minimum),
        "margins": lambda: slower * _margins(minimum, top_k),
    }
    return {stage: STARTED + known[stage]() for stage in stages}


def _slower(minimum: Minimum, each: float) -> float:
    """Seconds of one pass over those counted for it."""
    rows = minimum.inputs[:TIMED]
    taken = []
    with torch.no_grad():
        for _ in range(5):
            begun = time.perf_counter()
            float(minimum.network(rows).sum())
            taken.append(time.perf_counter() - begun)
    # A small network's pass is all calls, which are in no count and not in proportion elsewhere.
    return min(3.0, max(0.3, min(taken[1:]) / (each * len(rows))))


def _density(plan: Plan, minimum: Minimum) -> float:
    if plan.route != "lanczos":
        return 0.0
    share = SINGLE if minimum.theta.dtype == torch.float64 else 1.0
    if units_for(minimum.inputs.device, minimum.dim) and not _convolves(minimum):
        share *= ROUNDED
    return DENSITY_PRODUCTS * share * plan.seconds_per_product


def _convolves(minimum: Minimum) -> bool:
    return any(isinstance(layer, (nn.Conv1d, nn.Conv2d)) for layer in minimum.network.modules())


def _gap(minimum: Minimum, slower: float) -> float:
    estimates = slower * ESTIMATE_SECONDS * minimum.dim
    return gap_stage.predicted_seconds(minimum, slower=slower) + estimates


def _boundary(minimum: Minimum, each: float, top_k: int) -> float:
    """Gradients on the plane and at the data, products with vectors, walks, Hessians of classes."""
    drawn, vectors = _planar(minimum) or has_principal_plane(minimum), top_k + CONTROLS
    pixels = resolution_for(minimum, vectors=vectors) ** 2 if drawn else 0
    # Of the points: with the top eigenvectors, with all known ones, with random ones.
    passes = 2 + math.ceil(RANDOM_VECTORS / random_at_once(minimum.dim))
    gradients = GRADIENT_PASSES * each * passes * minimum.n
    plane = pixels * point_seconds(minimum, vectors=vectors)
    subsets = hessian_seconds(minimum) or 0.0
    return gradients + plane + walk_seconds(minimum) + subsets


def _embedding(minimum: Minimum) -> float:
    """t-SNE of the inputs, which the network has no part in."""
    drawn = has_principal_plane(minimum) and not _planar(minimum) and minimum.n <= EMBEDDED
    base, more = EMBEDDING_SECONDS
    return base + more * minimum.n if drawn else 0.0


def _planar(minimum: Minimum) -> bool:
    return tuple(minimum.inputs.shape[1:]) == (2,)


def _margins(minimum: Minimum, top_k: int) -> float:
    """Searches from the points, and ascents along the leading eigenvectors."""
    searches = sum(question.seconds for question in margins_stage.questions(minimum))
    vectors = min(top_k, margins_stage.LEADING)
    steps = margins_stage.steps_for(minimum, vectors=vectors)
    return searches + steps * margins_stage.step_seconds(minimum, vectors=vectors)
