"""Gauss rules of Lanczos' tridiagonal matrices (Golub and Welsch, 1969).

With T from a chain started at the unit vector z, zᵀ f(M) z ≈ Σ_j τ_j f(θ_j): nodes θ are the
eigenvalues of T, weights τ the squared first components of its eigenvectors.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gauss_rules(diagonal: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes (b × s), ascending, and eigenvectors (b × s × s) of b matrices (b × s), (b × s−1)."""
    T = torch.diag_embed(diagonal)
    if beside.shape[1]:
        T = T + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    return torch.linalg.eigh(T)


def gauss_weights(vectors: Tensor) -> Tensor:
    """τ (b × s), of sum 1."""
    return vectors[:, 0].square()
