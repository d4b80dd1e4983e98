"""First derivatives over the whole data set in chunks: J v and ḡ."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood


def directional_logits(minimum: Minimum, direction: Tensor) -> Tensor:
    """J v (n × K), one forward-mode pass."""
    theta = minimum.theta
    parts = []
    for inputs in minimum.inputs.split(rows_in_cache(minimum.inputs)):

        def f(q: Tensor, x: Tensor = inputs) -> Tensor:
            return minimum.logits(q, x).reshape(x.shape[0], -1)

        tangent: Tensor = torch.func.jvp(f, (theta,), (direction,))[1]
        parts.append(tangent.detach())
    return torch.cat(parts)


def mean_gradient_of(minimum: Minimum) -> Tensor:
    """ḡ = ∇L (p,) of the mean loss, without λ."""
    theta = minimum.theta.requires_grad_()
    total = torch.zeros_like(theta)
    rows = rows_in_cache(minimum.inputs)
    chunks = zip(minimum.inputs.split(rows), minimum.targets.split(rows), strict=True)
    for inputs, targets in chunks:
        logits = minimum.logits(theta, inputs).reshape(inputs.shape[0], -1)
        residual = Likelihood(minimum.loss, logits.detach(), targets).residual
        # rᵀJ with the cancellation-free residual, rather than autograd through log-softmax.
        (gradient,) = torch.autograd.grad((logits * residual).sum(), theta)
        total += gradient
    return total.detach() / minimum.n


def example_gradients(minimum: Minimum, examples: Tensor) -> Tensor:
    """g_i (b × p) of single examples, one after another."""
    theta = minimum.theta.requires_grad_()
    rows = torch.empty(examples.shape[0], minimum.dim, dtype=theta.dtype, device=theta.device)
    for row, i in enumerate(examples.tolist()):
        logits = minimum.logits(theta, minimum.inputs[i : i + 1]).reshape(1, -1)
        targets = minimum.targets[i : i + 1]
        residual = Likelihood(minimum.loss, logits.detach(), targets).residual
        rows[row] = torch.autograd.grad((logits * residual).sum(), theta)[0]
    return rows
