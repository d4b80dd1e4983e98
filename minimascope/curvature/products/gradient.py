"""First derivatives: ḡ over the whole data set in chunks, g_i of single examples, and J v."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import as_matrix, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum, check_minimum
from minimascope.curvature.products.graphs import fresh_leaves
from minimascope.curvature.products.spread import Part, summed
from minimascope.curvature.products.token_graph import TokenGraph
from minimascope.curvature.products.token_head import TokenHead, token_head


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
        if (head := token_head(minimum)) is not None:
            return (_of_sequences(minimum, head)[0],)
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
    if (head := token_head(minimum)) is not None:
        return _of_single_sequences(minimum, head, examples)
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


def _of_sequences(minimum: Minimum, head: TokenHead) -> Tensor:
    """Σ g_i (1 × p), logits of some positions at a time."""
    leaves, total = fresh_leaves(minimum), minimum.theta.zero_()[None]
    size = head.sequences_at_once
    for start in range(0, minimum.n, size):
        part = slice(start, min(start + size, minimum.n))
        graph = TokenGraph(head, minimum, leaves, part, differentiable=False)
        graph.add_gradients(total.new_ones(1, part.stop - start), total)
    return total


def _of_single_sequences(minimum: Minimum, head: TokenHead, examples: Tensor) -> Tensor:
    leaves, theta = fresh_leaves(minimum), minimum.theta
    rows = theta.new_zeros(len(examples), len(theta))
    for row, i in zip(rows, examples.tolist(), strict=True):
        graph = TokenGraph(head, minimum, leaves, slice(i, i + 1), differentiable=False)
        graph.add_gradients(row.new_ones(1, 1), row[None])
    return rows


def _gradient(minimum: Minimum, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """Σ J_iᵀ r_i: the cancellation-free residual, rather than autograd through log-softmax."""
    logits = as_matrix(minimum.logits(theta, inputs))
    residual = minimum.loss.residual(logits.detach(), targets)
    (gradient,) = torch.autograd.grad((logits * residual).sum(), theta)
    return gradient
