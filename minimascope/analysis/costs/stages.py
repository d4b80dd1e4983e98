"""What every stage of an analysis would take, before it is asked for.

The spectrum's seconds come from its own products, timed, and so do the density's. Of the other
stages the work is counted (costs/passes.py) and multiplied by how much longer than counted one
pass takes on this machine now. How near all of it comes: benchmarks/stage_costs.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import torch

from minimascope.analysis.costs.boundary import boundary_seconds
from minimascope.analysis.costs.density import density_seconds
from minimascope.analysis.costs.gap import gap_seconds, moved_seconds
from minimascope.analysis.costs.margins import margins_seconds
from minimascope.analysis.costs.passes import row_seconds
from minimascope.analysis.costs.spectrum import spectrum_seconds
from minimascope.analysis.costs.tokens import tokens_seconds
from minimascope.contract.report import Stage
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.spectrum.plan import Plan

OF_CLASSES = ("boundary", "margins")  # stages that say why not where nothing is classified
STARTED = 0.5  # seconds of any stage, whatever the network
TIMED = 256  # rows


def stage_costs(
    minimum: Minimum,
    plan: Plan,
    stages: Sequence[Stage],
    *,
    top_k: int,
    sampled: bool = False,
    allowed: Mapping[Stage, float] | None = None,
) -> dict[Stage, float]:
    """Wall seconds of each of `stages`, the shards of a stage all on this machine.

    `sampled`: the plan is that of some of the examples. `allowed`: seconds that density, gap,
    boundary and margins are to stay within as far as they can.
    """
    slower, vectors = slower_than_counted(minimum), min(top_k, minimum.dim)
    most = {stage: (allowed or {}).get(stage, math.inf) - STARTED for stage in stages}
    told = {"vectors": vectors, "slower": slower}
    product = 0.0 if sampled else plan.seconds_per_product
    known: dict[Stage, Callable[[], float]] = {
        "spectrum": lambda: spectrum_seconds(plan, vectors=vectors, sampled=sampled),
        "density": lambda: density_seconds(minimum, plan, most["density"]),
        "gap": lambda: gap_seconds(
            minimum,
            slower=slower,
            seconds=most["gap"],
            product=product,
            moved=moved_seconds(minimum, plan),
        ),
        "boundary": lambda: boundary_seconds(minimum, **told, seconds=most["boundary"]),
        "margins": lambda: margins_seconds(minimum, **told, seconds=most["margins"]),
    }
    if minimum.loss.reads == "labels_of_positions":
        known["boundary"] = lambda: tokens_seconds(minimum, vectors=vectors, slower=slower)
    applies = {stage: minimum.loss.classifies or stage not in OF_CLASSES for stage in stages}
    applies["boundary"] = minimum.loss.classifies or minimum.loss.reads == "labels_of_positions"
    return {stage: STARTED + (known[stage]() if applies[stage] else 0.0) for stage in stages}


def slower_than_counted(minimum: Minimum) -> float:
    """Seconds of one pass over those counted for it."""
    rows = minimum.inputs[:TIMED]
    taken = []
    with torch.no_grad():
        for _ in range(5):
            begun = time.perf_counter()
            float(minimum.network(rows).sum())
            taken.append(time.perf_counter() - begun)
    # A small network's pass is all calls, which are in no count and not in proportion elsewhere.
    return min(3.0, max(0.3, min(taken[1:]) / (row_seconds(minimum) * len(rows))))
