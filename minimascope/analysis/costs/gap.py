"""What the generalization gap takes, from counted work, and whether it is worth handing out."""

from __future__ import annotations

import math

import torch

from minimascope.analysis.costs.passes import row_seconds
from minimascope.curvature.gap.moved_network import USUAL_STEPS, moved_count
from minimascope.curvature.gap.sequences import (
    ENDING_SHARE,
    FEWEST_PRODUCTS,
    too_many_logits,
)
from minimascope.curvature.layers.gram import gram_cost
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.graphs import planned_bytes
from minimascope.curvature.spectrum.plan import Plan
from minimascope.curvature.spectrum.route import DENSE, LOW_RANK
from minimascope.curvature.sweep.route import (
    LONGEST,
    MEMORY_BYTES,
    RoutePlan,
    choose_route,
    flow_operations,
    shared_vectors,
    usual_vectors,
)
from minimascope.curvature.sweep.sampled_flow import USUAL_PRODUCTS

# The exact routes: 10¹³ operations took 254 CPU-s.
OPERATION_SECONDS = 2.5e-11
BACKWARD_PASSES = 3  # forward passes that the gradients of one output cost
# Passes over the data that Lanczos, probes and leave-one-out solves make where nothing is exact.
MATRIX_FREE_PASSES = 2000
PRODUCT_PASSES = 3  # of one product with the GGN
# Of a language model's product with H, what one with the GGN takes (benchmarks/token_products.py).
GGN_SHARE = 0.6
ESTIMATE_SECONDS = 3e-5  # of the estimates beside the sweep, a parameter
LEAST_SHARE = 0.2  # of what a sampled sweep would take, below which it has too few examples


def gap_seconds(
    minimum: Minimum,
    *,
    slower: float,
    seconds: float = math.inf,
    product: float = 0.0,
    moved: float = 0.0,
) -> float:
    """Wall seconds of the stage, each counted second taking `slower`.

    `seconds` are what it is to stay within as far as it can: some of the examples left out, then,
    also where an exact route would do. `product`: of one with the curvature of all examples, as
    timed, where it was. moved: of `moved_seconds`.
    """
    sampled = seconds < math.inf and may_sample(minimum)
    sweep = sweep_seconds(minimum, slower=slower, product=product, sampled=sampled)
    if too_many_logits(minimum):  # all of it ends with the clock
        whole = min(sweep + moved, LONGEST)
        least = FEWEST_PRODUCTS / (1 - ENDING_SHARE) * sweep / shared_vectors()
        return max(min(least, whole), min(whole, seconds))
    beside = slower * ESTIMATE_SECONDS * minimum.dim + moved
    if not sampled:
        return sweep + beside
    return max(LEAST_SHARE * sweep, min(sweep, seconds - beside)) + beside


def may_sample(minimum: Minimum) -> bool:
    """Whether some examples can be left out for all: not where copies are left out together."""
    return minimum.groups is None


def exact_route(minimum: Minimum) -> bool:
    """Whether every example is left out at every λ where time is not short."""
    return _route(minimum).operations is not None


def moved_seconds(minimum: Minimum, plan: Plan) -> float:
    """Wall seconds of the network without each of some examples, by products as `plan` timed."""
    if minimum.groups is not None:
        return 0.0
    sequences = minimum.loss.reads == "labels_of_positions"
    count = moved_count(minimum.n, plan.operator.graph_bytes, sequences=sequences)
    return count * USUAL_STEPS * plan.seconds_per_product


def _route(minimum: Minimum) -> RoutePlan:
    if too_many_logits(minimum):
        return RoutePlan("matrix_free", "")
    room = planned_bytes(MEMORY_BYTES, minimum.inputs.device)
    gram = gram_cost(minimum)
    return choose_route(minimum.n, outputs_of(minimum), minimum.dim, gram=gram, memory_bytes=room)


def sweep_seconds(
    minimum: Minimum, *, slower: float = 1.0, product: float = 0.0, sampled: bool = False
) -> float:
    """CPU seconds of the sweep over λ on the route that it will take, `sampled` in any case or
    only where no exact one will do."""
    n, outputs = minimum.n, outputs_of(minimum)
    chosen = RoutePlan("matrix_free", "") if sampled else _route(minimum)
    forward = n * row_seconds(minimum)
    flow = minimum.objective.optimiser.early_stopping is not None
    if chosen.operations is not None:
        passes, operations = BACKWARD_PASSES * outputs * forward, chosen.operations
        if flow:
            own = _decay_differs(minimum)
            operations += flow_operations(n * outputs, minimum.dim, chosen.route, own=own)
        return slower * (OPERATION_SECONDS * operations + passes)
    passes = MATRIX_FREE_PASSES * forward * (USUAL_PRODUCTS if flow else 1)
    if too_many_logits(minimum):
        each = GGN_SHARE * product or slower * PRODUCT_PASSES * forward
        return shared_vectors() * each
    timed = product * usual_vectors(n, flow=flow)  # a small network's is all calls
    return min(max(slower * passes, timed), LONGEST)  # it ends with what it has


def _decay_differs(minimum: Minimum) -> bool:
    """Whether P/D is no one number, as `metric_of` finds it of the weights."""
    objective = minimum.objective
    decays = objective.penalty.by_name({k: x.shape for k, x in minimum.places.items()})
    values = set(decays.values())
    own_steps = objective.optimiser.adaptive and not objective.optimiser.decoupled
    return len(values) > 1 or (own_steps and values != {0.0})


def spectrum_may_help(minimum: Minimum) -> bool:
    """Whether the spectrum may be complete: the gap then waits for it, and takes its eigenpairs."""
    low_rank = minimum.dim in LOW_RANK and 4 * minimum.n * outputs_of(minimum) <= minimum.dim
    return minimum.dim <= DENSE or low_rank


def outputs_of(minimum: Minimum) -> int:
    """Outputs of the network an example."""
    with torch.no_grad():
        return minimum.network(minimum.inputs[:1]).numel()
