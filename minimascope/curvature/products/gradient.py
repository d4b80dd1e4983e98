"""First derivatives: ḡ over the whole data set in chunks, g_i of single examples, and J v."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import as_matrix, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum, check_minimum
from minimascope.curvature.products.spread import Part, summed


def mean_gradient(minimum: Minimum) -> Tensor:
    """ḡ = ∇L (p,) of the mean loss, without weight decay. ValueError where θ is not finite."""
    check_minimum(minimum)
    return summed(GradientSum, minimum).sum("total")[0] / minimum.n


class GradientSum:
    """Σ g_i over a part of the examples."""

    def __init__(self, part: Part) -> None:
        self._minimum = part.minimum

    def total(self) -> tuple[Tensor]:
        """(p,)."""
        minimum = self._minimum
        theta = minimum.theta.requires_grad_()
        total = torch.zeros_like(theta)
        rows = rows_in_cache(minimum.inputs)
        for inputs, targets in zip(
            minimum.inputs.split(rows), minimum.targets.split(rows), strict=True
        ):
            total += _gradient(minimum, theta, inputs, targets)
        return (total.detach(),)


def example_gradients(minimum: Minimum, examples: Tensor) -> Tensor:
    """g_i (b × p) of single examples, one after another."""
    theta = minimum.theta.requires_grad_()
    rows = torch.empty(examples.shape[0], minimum.dim, dtype=theta.dtype, device=theta.device)
    for row, i in enumerate(examples.tolist()):
        at = slice(i, i + 1)
        rows[row] = _gradient(minimum, theta, minimum.inputs[at], minimum.targets[at])
    return rows


def directional_logits(minimum: Minimum, direction: Tensor) -> Tensor:
    """J v (n × K), one forward-mode pass."""
    theta = minimum.theta
    parts = []
    for inputs in minimum.inputs.split(rows_in_cache(minimum.inputs)):

        def f(q: Tensor, x: Tensor = inputs) -> Tensor:
            return as_matrix(minimum.logits(q, x))

        tangent: Tensor = torch.func.jvp(f, (theta,), (direction,))[1]
        parts.append(tangent.detach())
    return torch.cat(parts)


def _gradient(minimum: Minimum, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """Σ J_iᵀ r_i: the cancellation-free residual, rather than autograd through log-softmax."""
    logits = as_matrix(minimum.logits(theta, inputs))
    residual = minimum.loss.residual(logits.detach(), targets)
    (gradient,) = torch.autograd.grad((logits * residual).sum(), theta)
    return gradient
