"""The network itself, moved to where it would be without an example: what the linear step missed.

δθ_i = (A − J_iᵀΛ_iJ_i/n)⁻¹ g_i/n, the step whose first-order logits leave-one-out takes, by
conjugate gradients for the examples that cost most; the loss is that of the network at θ + δθ_i.
Linearised logits overshoot where they move far (docs/mathematics.md, section 7). It corrects the
list of examples; the mean stays what it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.minimum.batches import as_matrix
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import example_gradients

SHARE, FEWEST, MOST = 0.05, 20, 100  # of the examples
ACCURACY, STEPS = 1e-6, 500
# Numbers of the vectors in lockstep: three of this size are held.
AT_ONCE = 10**8


def moved_losses(given: Assembly, row: int) -> Tensor:
    """(n,) leave-one-out losses at row `row` of the sweep, the largest rises from the network."""
    plain = given.plain
    losses = plain.nll(plain.logits + given.sweep.displacement[row])
    if given.training.copies:
        return losses  # an original's copies go with it; they are left linearised
    wanted = min(MOST, max(FEWEST, math.ceil(SHARE * given.likelihood.n)), given.likelihood.n)
    worst = (losses - plain.nll()).topk(wanted).indices
    products = Ggn(given.minimum, root=given.metric.root)
    for some in worst.split(max(1, AT_ONCE // given.minimum.dim)):
        steps = _steps(products, some, float(given.sweep.lambdas[row]))
        losses[some] = _at(given, some, steps)
    return losses


def _steps(products: Ggn, examples: Tensor, ridge: float) -> Tensor:
    """δθ_i (b × p), in θ's own coordinates."""
    gradients = products.scaled(example_gradients(products.minimum, examples))
    found = torch.zeros_like(gradients)
    residual = gradients / products.minimum.n
    step, size = residual.clone(), residual.square().sum(1)
    least = ACCURACY**2 * size
    for _ in range(STEPS):
        image = products.left_out(step, examples)[0] + ridge * step
        a = torch.where(size > least, size / (step * image).sum(1).clamp_min(1e-300), 0.0)[:, None]
        found += a * step
        residual = residual - a * image
        new = residual.square().sum(1)
        if bool((new <= least).all()):
            break
        step = residual + torch.where(size > 0, new / size.clamp_min(1e-300), 0.0)[:, None] * step
        size = new
    return products.scaled(found)


def _at(given: Assembly, examples: Tensor, steps: Tensor) -> Tensor:
    """Loss of each example (b,) at its own θ + δθ."""
    minimum, theta = given.minimum, given.minimum.theta
    logits: list[Tensor] = []
    with torch.no_grad():
        for i, step in zip(examples.tolist(), steps, strict=True):
            logits.append(as_matrix(minimum.logits(theta + step, minimum.inputs[i : i + 1])))
    return given.plain.select(examples).nll(torch.cat(logits))
