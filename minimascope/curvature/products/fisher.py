"""Fisher matrices of labels sampled from the model: their mean over labels is the GGN.

A loss that is m times a likelihood has its residuals times √m (`Loss.sampled_residual`).
One label an example, so the rank is at most n: never to be taken for the GGN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.second_moment import SecondMoment, gradient_rows
from minimascope.objective.likelihood import Likelihood


def sampled_fisher(minimum: Minimum, *, seed: int = 0) -> Operator:
    """F of labels drawn once."""
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    drawn = sampled_residuals(likelihood, draws=1, seed=seed)[0]
    return SecondMoment(minimum, drawn).operator("sampled Fisher")


def sampled_fisher_eigenvalues(
    minimum: Minimum, likelihood: Likelihood, *, draws: int, seed: int, root: Tensor | None = None
) -> Tensor:
    """Eigenvalues (draws × min(n, p)) of F for several draws, from one pass over J.

    In the coordinates θ/root where there is one (p,).
    """
    residuals = sampled_residuals(likelihood, draws=draws, seed=seed)
    rows = residuals[0].new_empty(draws, likelihood.n, minimum.dim)
    for at, drawn in gradient_rows(minimum, residuals):
        for draw, G in enumerate(drawn):
            rows[draw, at] = G if root is None else G * root
    G = rows if likelihood.n <= minimum.dim else rows.mT
    return torch.stack([torch.linalg.eigvalsh(g @ g.mT) for g in G]).clamp_min(0) / likelihood.n


def sampled_residuals(likelihood: Likelihood, *, draws: int, seed: int) -> list[Tensor]:
    """Residuals (n × K) at labels drawn from the model, one an example and draw."""
    generator = torch.Generator().manual_seed(seed)
    loss, f, y = likelihood.loss, likelihood.logits, likelihood.targets
    return [loss.sampled_residual(f, y, generator) for _ in range(draws)]
