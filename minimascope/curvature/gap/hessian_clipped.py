"""H₊: the Hessian with negative eigenvalues set to 0, from its exact eigenpairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.gap.fisher_proxies import chunk_size
from minimascope.curvature.layers.jacobian import jacobian_chunks
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood


@dataclass(frozen=True)
class HessianClipped:
    """H₊ with what TIC and the Newton decrement need of it.

    All nonzero eigenvalues (r,) of H with unit eigenvectors as rows (r × p); directions outside
    them have eigenvalue 0. second_moment (r,): vᵀCv; outside: tr C in the complement.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    second_moment: Tensor
    outside: float

    def quadratic(self, g: Tensor, lambda_: float) -> float:
        """gᵀ(H₊ + λI)⁻¹g."""
        along = (self.eigenvectors @ g).square()
        rest = max(0.0, float(g.square().sum() - along.sum())) if self._incomplete else 0.0
        return float((along / (self._clipped + lambda_)).sum()) + rest / lambda_

    def tic(self, n: int, lambda_: float) -> float:
        """Uncentred TIC, tr(C (H₊ + λI)⁻¹)/n."""
        inside = float((self.second_moment / (self._clipped + lambda_)).sum())
        return (inside + self.outside / lambda_) / n

    @property
    def _clipped(self) -> Tensor:
        return self.eigenvalues.clamp_min(0)

    @property
    def _incomplete(self) -> bool:
        return self.eigenvectors.shape[0] < self.eigenvectors.shape[1]


def hessian_clipped(
    minimum: Minimum, likelihood: Likelihood, eigenvalues: Tensor, eigenvectors: Tensor
) -> HessianClipped:
    """One pass over per-example gradients g_i = J_iᵀ r_i. Raises ValueError on wrong shapes."""
    r, p = eigenvectors.shape
    if p != minimum.dim or r != eigenvalues.shape[0]:
        raise ValueError(
            f"Eigenvectors {r} × {p} do not go with {eigenvalues.shape[0]} eigenvalues "
            f"and p = {minimum.dim}."
        )
    V = eigenvectors.to(minimum.theta)
    second, total = V.new_zeros(r), 0.0
    residual = likelihood.residual
    for at, J in jacobian_chunks(minimum, minimum.inputs, chunk=chunk_size(minimum, likelihood)):
        G = (residual[at, None] @ J)[:, 0]
        second += (G @ V.mT).square().sum(dim=0) / likelihood.n
        total += float(G.square().sum()) / likelihood.n
    outside = max(0.0, total - float(second.sum())) if r < p else 0.0
    return HessianClipped(eigenvalues.to(V), V, second, outside)


def clipped_rank(eigenvalues: Tensor, lambda_: float) -> float:
    """rank_λ(H₊) = Σ e₊/(e₊+λ)."""
    e = eigenvalues.clamp_min(0)
    return float((e / (e + lambda_)).sum())


def negative_mass(eigenvalues: Tensor) -> float | None:
    """−Σ negative / Σ positive eigenvalues."""
    positive = float(eigenvalues.clamp_min(0).sum())
    return float(torch.clamp_max(eigenvalues, 0).abs().sum()) / positive if positive > 0 else None
