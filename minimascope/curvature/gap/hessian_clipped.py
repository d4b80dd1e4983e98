"""H₊: the Hessian with negative eigenvalues set to 0, from its exact eigenpairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.second_moment import SecondMoment
from minimascope.objective.likelihood import Likelihood


class KnownHessian(NamedTuple):
    """All nonzero eigenvalues of H (mean loss, without λ), known exactly, and their eigenvectors.

    values (r,); vectors (r × p) as rows, None where they are not known.
    """

    values: Tensor
    vectors: Tensor | None = None

    @property
    def complete(self) -> bool:
        """Whether every eigenvalue has its eigenvector."""
        return self.vectors is not None and len(self.vectors) == len(self.values)


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
    minimum: Minimum, likelihood: Likelihood, known: KnownHessian, root: Tensor | None = None
) -> HessianClipped | None:
    """One pass over per-example gradients g_i = J_iᵀ r_i; None where eigenvectors are missing.

    root (p,): of the coordinates θ/root in which H is known. Raises ValueError on wrong shapes.
    """
    if known.vectors is None or not known.complete:
        return None
    r, p = known.vectors.shape
    if p != minimum.dim:
        raise ValueError(
            f"Eigenvectors {r} × {p} do not go with {len(known.values)} eigenvalues "
            f"and p = {minimum.dim}."
        )
    V = known.vectors.to(minimum.theta)
    second, trace = SecondMoment(minimum, likelihood.residual, root).along(V)
    outside = max(0.0, trace - float(second.sum())) if r < p else 0.0
    return HessianClipped(known.values.to(V), V, second, outside)


def scaled_hessian(known: KnownHessian, root: Tensor | None) -> KnownHessian | None:
    """H in the coordinates θ/root; None where eigenvectors that this needs are not known."""
    if root is None:
        return known
    if known.vectors is None or not known.complete:
        return None
    # diag(root) Vᵀ = QR, so the scaled matrix is Q (R E Rᵀ) Qᵀ.
    Q, R = torch.linalg.qr((known.vectors.to(root) * root).mT)
    e, U = torch.linalg.eigh(R * known.values.to(root) @ R.mT)
    return KnownHessian(e, (Q @ U).mT)


def clipped_rank(eigenvalues: Tensor, lambda_: float) -> float:
    """rank_λ(H₊) = Σ e₊/(e₊+λ)."""
    e = eigenvalues.clamp_min(0)
    return float((e / (e + lambda_)).sum())


def negative_mass(eigenvalues: Tensor) -> float | None:
    """−Σ negative / Σ positive eigenvalues."""
    positive = float(eigenvalues.clamp_min(0).sum())
    return float(torch.clamp_max(eigenvalues, 0).abs().sum()) / positive if positive > 0 else None
