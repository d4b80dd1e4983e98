"""Mean gradients over the training set of a loss and its relatives, from one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import as_matrix, outputs_at, rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.relatives.kin import kin
from minimascope.objective.relatives.relative import Flags, Relative


@dataclass(frozen=True)
class Family:
    """A relative with its gradients (p,): base, and a column for every unknown size."""

    relative: Relative
    base: Tensor
    columns: list[Tensor]

    def flags(self, sizes: list[float]) -> Flags | None:
        """Fields of the objective; None where these sizes cannot be."""
        return self.relative.flags(sizes)

    def said(self, flags: Flags) -> str:
        """The loss in words."""
        return self.relative.said(flags)


def families(minimum: Minimum, *, most: int | None = None) -> list[Family]:
    """The told loss first, then its relatives (`most` of all): a backward pass a gradient."""
    outputs = as_matrix(outputs_at(minimum, minimum.inputs))
    relatives = list(kin(minimum.loss, outputs, minimum.targets))[:most]
    rows = iter(_pulled(minimum, relatives))
    return [Family(each, next(rows), [next(rows) for _ in range(each.sized)]) for each in relatives]


def _pulled(minimum: Minimum, relatives: Sequence[Relative]) -> Tensor:
    """(1/n) Σ_i J_iᵀ r_i for every residual of every relative, one after another (q × p)."""
    theta = minimum.theta.requires_grad_()
    rows = rows_in_cache(minimum.inputs)
    total: Tensor | None = None
    for inputs, targets in zip(
        minimum.inputs.split(rows), minimum.targets.split(rows), strict=True
    ):
        logits = as_matrix(minimum.logits(theta, inputs))
        seen = logits.detach()
        residuals = [r for each in relatives for r in each.residuals(seen, targets)]
        part = torch.stack([_pull(logits, residual, theta) for residual in residuals])
        total = part if total is None else total + part
    assert total is not None
    return total / minimum.n


def _pull(logits: Tensor, residual: Tensor, theta: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad((logits * residual).sum(), theta, retain_graph=True)
    return gradient
