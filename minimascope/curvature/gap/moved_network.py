"""The network itself, moved to where it would be without an example: what the linear step missed.

δθ_i = (A − J_iᵀΛ_iJ_i/n)⁻¹ g_i/n, the step whose first-order logits leave-one-out takes, by
conjugate gradients for the examples that cost most; the loss is that of the network at θ + δθ_i.
Where float32 is several times quicker the step is made in it, the loss always in float64.
Linearised logits overshoot where they move far (docs/mathematics.md, section 7). It corrects the
list of examples; the mean stays what it is, but for sequences of tokens, which are known by heart
as no image is: of them all are moved, or a random sample, whose mean rise is an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.result import GapEstimate
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.minimum.single import single
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import example_gradients

SHARE, FEWEST, MOST = 0.05, 20, 100  # of the examples
# Bytes of graph that all steps may pass over, half a minute on one CPU core: of a
# network whose products are dear fewer examples are moved, of sequences still enough for an error.
WORK, USUAL_STEPS, FEWEST_SEQUENCES = 3e10, 25, 8
# Of gᵀδθ, the rise to first order, which the last DELAY steps of conjugate gradients may still have
# added: what is left to come is less (Strakoš and Tichý, 2002).
ACCURACY, DELAY, STEPS = 1e-4, 4, 500
# Numbers of the vectors in lockstep: three of this size are held.
AT_ONCE = 10**8


class Moved(NamedTuple):
    """Leave-one-out losses of the sweep's examples, some of them from the network; of sequences
    their mean rise."""

    losses: Tensor
    rise: GapEstimate | None = None


def moved_losses(given: Assembly, row: int) -> Moved:
    """At row `row` of the sweep: from the network the largest rises, or sequences at random."""
    plain = given.plain
    losses = plain.nll(plain.logits + given.sweep.displacement[row])
    if given.training.copies:
        return Moved(losses)  # an original's copies go with it; they are left linearised
    ridge, coarse = float(given.sweep.lambdas[row]), single(given.minimum)
    products = Ggn(coarse, root=given.metric.root)
    sequences = given.training.sequences
    count = moved_count(plain.n, products.operator.graph_bytes, sequences=sequences)
    taken = _taken(given, losses - plain.nll(), count)
    # Of sequences they make the estimate; else a dear network's list is not worth any number.
    most = STEPS if sequences else most_steps(products.operator.graph_bytes, count)
    for some in taken.split(max(1, AT_ONCE // given.minimum.dim)):
        examples = given.sweep.examples[some]
        steps, moving = steps_without(products, examples, ridge, most=most)
        if coarse is not given.minimum and not bool(steps.isfinite().all()):  # too coarse
            finer = Ggn(given.minimum, root=given.metric.root)
            steps, moving = steps_without(finer, examples, ridge, most=most)
        network = _at(given, examples, steps.to(given.minimum.theta))
        left = moving & (not sequences)  # to what the linear step says
        losses[some] = torch.where(left, losses[some], network)
    if not sequences:
        return Moved(losses)
    return Moved(losses, rise_of((losses - plain.nll())[taken]))


def rise_of(rises: Tensor) -> GapEstimate:
    """Of sequences drawn at random (m,): the mean with its standard error."""
    error = float(rises.std()) / math.sqrt(len(rises))
    method = f"leave-one-out of {len(rises)} sequences, each by the network without it"
    return GapEstimate(float(rises.mean()), error, method)


def moved_count(n: int, graph_bytes: int, *, sequences: bool) -> int:
    """How many of n examples are moved, each by about USUAL_STEPS products over such a graph."""
    affordable = int(WORK / (USUAL_STEPS * max(1, graph_bytes)))
    if sequences:
        return min(n, MOST, max(FEWEST_SEQUENCES, affordable))
    return min(n, MOST, max(FEWEST, math.ceil(SHARE * n)), affordable)


def most_steps(graph_bytes: int, count: int) -> int:
    """Steps after which `count` examples have had twice the work that all of them may take."""
    return min(STEPS, max(USUAL_STEPS, int(2 * WORK / (max(1, graph_bytes) * count))))


def _taken(given: Assembly, rises: Tensor, count: int) -> Tensor:
    """Examples that are moved: those of the largest rises; of sequences as many at random."""
    if not given.training.sequences:
        return rises.topk(count).indices
    return drawn_order(len(rises), given.seed)[:count].to(rises.device)


def drawn_order(n: int, seed: int) -> Tensor:
    """Sequences (n,) in the order in which they are left out."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def steps_without(
    products: Ggn,
    examples: Tensor,
    ridge: float,
    over: Callable[[], bool] = lambda: False,
    *,
    most: int = STEPS,
) -> tuple[Tensor, Tensor]:
    """δθ_i (b × p), in θ's own coordinates; which of them still moved when time was `over` or
    `most` steps were made (b,)."""
    gradients = products.scaled(example_gradients(products.minimum, examples))
    found = torch.zeros_like(gradients)
    residual = gradients / products.minimum.n
    step, size = residual.clone(), residual.square().sum(1)
    gains: list[Tensor] = []
    moving = size > 0
    for _ in range(most):
        image = products.without(step, examples) + ridge * step
        a = torch.where(moving, size / (step * image).sum(1).clamp_min(1e-300), 0.0)
        found += a[:, None] * step
        residual = residual - a[:, None] * image
        gains.append(a * size)
        if len(gains) >= DELAY:
            moving &= sum(gains[-DELAY:]) > ACCURACY * sum(gains)
        if not bool(moving.any()) or over():
            break
        new = residual.square().sum(1)
        step = residual + torch.where(moving, new / size.clamp_min(1e-300), 0.0)[:, None] * step
        size = new
    return products.scaled(found), moving


def _at(given: Assembly, examples: Tensor, steps: Tensor) -> Tensor:
    """Loss of each example (b,) at its own θ + δθ."""
    minimum, theta = given.minimum, given.minimum.theta
    logits: list[Tensor] = []
    with torch.no_grad():
        for i, step in zip(examples.tolist(), steps, strict=True):
            logits.append(as_matrix(minimum.logits(theta + step, minimum.inputs[i : i + 1])))
    return given.likelihood.plain.select(examples).nll(torch.cat(logits))
