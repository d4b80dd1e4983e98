"""Singular values: all of them up to a bound on the shorter side, the largest beyond it.

All: eigenvalues of W'W in float64, or an SVD where the matrix is small; the former are right to
1e-8 of the largest. Largest: block Krylov iteration (Musco & Musco 2015, Algorithm 2), whose values
are lower bounds, with their residuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from minimascope.weight_matrices.costs import BLOCK_WIDTH, BLOCKS, takes_all
from minimascope.weight_matrices.matrix import Matrix

SVD_UP_TO = 256
KEPT = 20  # of the largest beyond the bound, those with a residual below SETTLED
SETTLED = 1e-3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Singular:
    """`values` descending; `residual` is the largest of ‖W'W v − σ² v‖ / σ₁² among them."""

    values: Floats
    method: Literal["all", "largest"]
    residual: float = 0.0


def all_of(matrix: Matrix) -> Floats:
    """Every singular value, descending."""
    if matrix.long * matrix.short <= SVD_UP_TO**2 * 16 and matrix.short <= SVD_UP_TO:
        return np.asarray(torch.linalg.svdvals(torch.cat(list(matrix.tall_blocks()))).numpy())
    squares = torch.linalg.eigvalsh(matrix.gram()).flip(0)
    return np.asarray(squares.clamp_min(0.0).sqrt().numpy())


def largest_of(matrix: Matrix, *, seed: int = 0) -> Singular:
    """The settled ones among the largest; at least the first."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(matrix.short, BLOCK_WIDTH, dtype=torch.float64, generator=generator)
    basis, _ = torch.linalg.qr(start)
    blocks, images = [basis], list[Tensor]()
    for _ in range(BLOCKS - 1):
        images.append(matrix.gram_times(blocks[-1]))
        found = torch.cat(blocks, dim=1)
        fresh = images[-1] - found @ (found.T @ images[-1])
        fresh -= found @ (found.T @ fresh)  # once more: the first leaves rounding behind
        blocks.append(torch.linalg.qr(fresh)[0])
    images.append(matrix.gram_times(blocks[-1]))
    whole, image = torch.cat(blocks, dim=1), torch.cat(images, dim=1)
    squares, vectors = torch.linalg.eigh(whole.T @ image)
    residuals = (image @ vectors - (whole @ vectors) * squares).norm(dim=0) / squares[-1]
    order = torch.arange(len(squares) - 1, len(squares) - 1 - KEPT, -1)
    settled = int((residuals[order] < SETTLED).cumprod(0).sum()) or 1
    kept = order[:settled]
    values = squares[kept].clamp_min(0.0).sqrt().numpy()
    return Singular(np.asarray(values), "largest", float(residuals[kept].max()))


def singular_values(matrix: Matrix, *, all_up_to: int) -> Singular:
    """All where the shorter side is at most `all_up_to`, else the largest."""
    if takes_all(matrix.shape, all_up_to):
        return Singular(all_of(matrix), "all")
    return largest_of(matrix)
