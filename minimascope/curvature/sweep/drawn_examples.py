"""Leave-one-out of examples drawn at random, a batch at a time, as many as are needed or fit.

  δf_i = J_i (A − J_iᵀΛ_iJ_i/n)⁻¹ g_i / n   (= S_i (I − Λ_iS_i)⁻¹ r_i by Woodbury's identity)

so a Lanczos run started at g_i, with the products of the loss without example i, gives δf_i for
every λ, whatever the number of classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from minimascope.curvature.krylov.lockstep import LanczosRuns, begin
from minimascope.curvature.products.gradient import example_gradients
from minimascope.curvature.running.saved_parts import Part
from minimascope.curvature.sweep.deflated import USUAL_STEPS, DeflatedGgn, run_until_settled
from minimascope.curvature.sweep.sampled_flow import USUAL_PRODUCTS, sampled_flow
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow

FIRST_EXAMPLES, FEWEST_EXAMPLES, MOST_EXAMPLES = 64, 2, 1000
# Of fewer a mean has no error to be trusted: what leaving out costs is often in a few examples.
FEWEST_OF_A_MEAN = 8


def drawn_so_far(batches: list[Part]) -> int:
    return sum(batch["examples"].shape[0] for batch in batches)


def batch_sizes(
    ggn: DeflatedGgn,
    likelihood: Likelihood,
    flow: Flow | None,
    batches: list[Part],
    relative_error: float,
) -> Iterator[int]:
    """Sizes of one batch after another, until ALO is known well enough or the time is over."""
    while drawn_so_far(batches) < min(likelihood.n, MOST_EXAMPLES):
        size = _batch_size(ggn, batches, flow)
        if drawn_so_far(batches) >= FEWEST_EXAMPLES:
            error = error_of_alo(ggn, likelihood, batches)
            good = drawn_so_far(batches) >= FIRST_EXAMPLES and error <= relative_error
            if good or size < 1 or ggn.clock.past(1.0):
                return
        yield max(FEWEST_EXAMPLES, size)


def _batch_size(ggn: DeflatedGgn, batches: list[Part], flow: Flow | None) -> int:
    """Examples that fit in memory and, as far as is known, in what is left of the time."""
    each = ggn.seconds_per_product * 2 * USUAL_STEPS * (1 if flow is None else USUAL_PRODUCTS)
    if batches:
        each = max(float(x["seconds"]) / x["examples"].shape[0] for x in batches)
    return min(FIRST_EXAMPLES, ggn.at_once, int(ggn.clock.left() / each))


def drawn_batch(
    ggn: DeflatedGgn, likelihood: Likelihood, flow: Flow | None, examples: Tensor
) -> Part:
    start = ggn.clock.used
    seen: list[Tensor] = []

    def product(V: Tensor) -> Tensor:
        image, own = ggn.products.left_out(V, examples)
        seen.append(own)
        return image

    def displacement(runs: LanczosRuns) -> Tensor:
        images = torch.stack(seen, dim=2)
        return runs.image_of_solution(images, ggn.lambdas) / likelihood.n

    runs = begin(product, ggn.products.scaled(example_gradients(ggn.minimum, examples)))
    what = f"leave-one-out of {examples.shape[0]} examples"
    found, change = run_until_settled(
        ggn, runs, displacement, share=1.0, tolerance=ggn.tolerance, what=what
    )
    moved = found[0] if flow is None else sampled_flow(ggn, likelihood, flow, examples)
    return {
        "flow": moved,
        "examples": examples,
        "displacement": found,
        "change": change,
        "steps": torch.tensor(runs.steps),
        "seconds": torch.tensor(ggn.clock.used - start),
    }


def error_of_alo(ggn: DeflatedGgn, likelihood: Likelihood, batches: list[Part]) -> float:
    """Standard error of the mean leave-one-out increment relative to it."""
    chosen = likelihood.select(torch.cat([batch["examples"] for batch in batches]))
    displacement = torch.cat([batch["displacement"][ggn.row] for batch in batches])
    increments = chosen.nll(chosen.logits + displacement) - chosen.nll()
    return float(increments.std() / increments.mean().abs()) / math.sqrt(increments.shape[0])
