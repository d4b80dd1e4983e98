"""Cheap stand-ins for the GGN, always labelled as such: its diagonal, and the sampled Fisher."""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.layers.jacobian import jacobian_chunks, jacobian_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood

CHUNK_BYTES = 256 * 2**20


def ggn_diagonal(minimum: Minimum, likelihood: Likelihood) -> Tensor:
    """diag(GGN), shape (p,)."""
    total = minimum.theta.zero_()
    half = likelihood.half_curvature
    for at, J in jacobian_chunks(minimum, minimum.inputs, chunk=chunk_size(minimum, likelihood)):
        total += (half[at].mT @ J).square().sum(dim=(0, 1)) / likelihood.n
    return total


def ggn_diagonal_of(minimum: Minimum, likelihood: Likelihood, names: list[str]) -> Tensor:
    """The entries of diag(GGN) of some parameter tensors, one after another."""
    sizes = [q.numel() for name, q in minimum.network.named_parameters() if name in names]
    total = minimum.theta.new_zeros(sum(sizes))
    size = max(1, CHUNK_BYTES // (8 * likelihood.outputs * total.shape[0]))
    half = likelihood.half_curvature
    for at in torch.arange(likelihood.n, device=total.device).split(size):
        J = jacobian_of(minimum, minimum.inputs[at], names)
        total += (half[at].mT @ J).square().sum(dim=(0, 1)) / likelihood.n
    return total


def sampled_fisher_eigenvalues(
    minimum: Minimum, likelihood: Likelihood, *, draws: int, seed: int
) -> Tensor:
    """Eigenvalues (draws × min(n, p)) of F = (1/n) Σ g̃g̃ᵀ, one label an example from the model.

    A different matrix from the GGN, which is its expectation over labels: rank at most n.
    """
    generator = torch.Generator().manual_seed(seed)
    residuals = [_sampled_residual(likelihood, generator) for _ in range(draws)]
    rows = residuals[0].new_empty(draws, likelihood.n, minimum.dim)
    for at, J in jacobian_chunks(minimum, minimum.inputs, chunk=chunk_size(minimum, likelihood)):
        for draw, r in enumerate(residuals):
            rows[draw, at] = (r[at, None] @ J)[:, 0]
    G = rows if likelihood.n <= minimum.dim else rows.mT
    return torch.stack([torch.linalg.eigvalsh(g @ g.mT) for g in G]).clamp_min(0) / likelihood.n


def _sampled_residual(likelihood: Likelihood, generator: torch.Generator) -> Tensor:
    f = likelihood.logits
    if likelihood.loss == "mse":
        return torch.randn(f.shape, generator=generator, dtype=f.dtype).to(f.device)
    P = likelihood.probabilities()
    label = torch.multinomial(P.cpu(), 1, generator=generator)[:, 0].to(f.device)
    return Likelihood(likelihood.loss, f, label).residual


def chunk_size(minimum: Minimum, likelihood: Likelihood) -> int:
    """Examples whose Jacobians together stay near 256 MiB."""
    return max(1, CHUNK_BYTES // (8 * likelihood.outputs * minimum.dim))
