"""Mean gradients over the training set for residuals of one's own choice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import as_matrix, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum

# From logits (m × K) and targets (m rows) to columns of residuals (q × m × K).
Residuals = Callable[[Tensor, Tensor], Tensor]


def pulled(minimum: Minimum, residuals: Residuals) -> Tensor:
    """(1/n) Σ_i J_iᵀ r_i for each column of residuals (q × p): one forward pass, q backward."""
    theta = minimum.theta.requires_grad_()
    rows = rows_in_cache(minimum.inputs)
    total: Tensor | None = None
    for inputs, targets in zip(
        minimum.inputs.split(rows), minimum.targets.split(rows), strict=True
    ):
        logits = as_matrix(minimum.logits(theta, inputs))
        found = [_pull(logits, each, theta) for each in residuals(logits.detach(), targets)]
        part = torch.stack(found)
        total = part if total is None else total + part
    assert total is not None
    return total / minimum.n


def _pull(logits: Tensor, residual: Tensor, theta: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad((logits * residual).sum(), theta, retain_graph=True)
    return gradient
