"""Top eigenpairs from those of the step before: a few products where little has changed.

Block Lanczos (`curvature.krylov.block`) that starts with the last eigenvectors and one random
direction beside them, so that what grew since, orthogonal to all of them, is found too. Where
products are dear that direction is mixed into the one vector instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import (
    expand,
    krylov_space,
    orthonormal_rows,
    random_rows,
    ritz,
    ritz_vectors,
)
from minimascope.curvature.products.long_sums import norms
from minimascope.curvature.products.operator import Operator

ACCURACY = 1e-2  # residual over |λ₁|: its square is about the relative error of λ₁ itself
MOST_BLOCKS = 12
BESIDE = 1
MIXED = 0.1  # of a random direction, in a start of one vector


@dataclass(frozen=True)
class Pairs:
    """values (k,) descending float64, vectors (k, p) rows, residuals (k,) over the largest |λ|."""

    values: Tensor
    vectors: Tensor
    residuals: Tensor
    products: int

    @property
    def converged(self) -> list[bool]:
        """Which are as accurate as was asked for."""
        return (self.residuals <= ACCURACY).tolist()


def top_pairs(
    operator: Operator, before: Tensor | None, *, count: int, seed: int, blocks: int = MOST_BLOCKS
) -> Pairs:
    """The `count` largest eigenvalues; `before` (k, p) are eigenvectors of a matrix near to it."""
    count = min(count, operator.dim)
    width = min(count + BESIDE, operator.dim)
    first = random_rows(operator, width=width if before is None else BESIDE, seed=seed)
    if before is not None:
        first = orthonormal_rows(torch.cat([before.to(first), first])[:width])
    return _expanded(operator, first, count=count, blocks=blocks, accuracy=ACCURACY)


def top_pair(
    operator: Operator, near: Tensor, *, seed: int, products: int, accuracy: float
) -> Pairs:
    """The largest eigenvalue from a vector (p,) near to its own, with so many products at most."""
    random = random_rows(operator, width=1, seed=seed)
    near = near.to(random)[None]
    first = MIXED * random + near / norms(near).clamp(min=torch.finfo(near.dtype).tiny)
    first = first / norms(first)
    return _expanded(operator, first, count=1, blocks=products, accuracy=accuracy)


def _expanded(
    operator: Operator, first: Tensor, *, count: int, blocks: int, accuracy: float
) -> Pairs:
    width = len(first)
    state = krylov_space(first, capacity=min(operator.dim, blocks * width))
    began = operator.products
    while state.size < len(state.basis) and len(state.block):
        expand(operator, state)
        values, coordinates, residuals = ritz(state)
        scale = max(float(values.abs().max()), torch.finfo(torch.float64).tiny)
        top = residuals.flip(0)[:count] / scale
        if state.size > width and bool((top <= accuracy).all()):
            break
    vectors = ritz_vectors(state, coordinates.flip(1)[:, :count])
    return Pairs(values.flip(0)[:count], vectors, top, operator.products - began)
