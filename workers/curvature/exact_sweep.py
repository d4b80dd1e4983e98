"""Exact routes: one eigendecomposition of the GGN (p × p) or of its dual BBᵀ (nK × nK), every λ.

With GGN = BᵀB, B = WᵀJ/√n (docs/mathematics.md, section 3):
  p×p   GGN = V E Vᵀ, Z = JV:   S_i = Z_i (E+λ)⁻¹ Z_iᵀ / n
  dual  BBᵀ = U E Uᵀ, Z = JBᵀU: S_i = (Θ_ii − Z_i (E+λ)⁻¹ Z_iᵀ) / (nλ)
and for fixed vectors u, v of θ-space the same two formulas give uᵀA⁻¹v.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from workers.curvature.directional import directional_logits, mean_gradient_of
from workers.curvature.jacobian import gram, jacobian_chunks
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum
from workers.curvature.sweep import Sweep, leave_one_out

ROW_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Resolvent:
    """(GGN + λI)⁻¹ for every λ, seen from the examples.

    eigenvalues (m,) ≥ 0; features Z (n × K × m); own_gram Θ_ii (n × K × K) on the dual route;
    probes (2 × m): ḡ and θ in the eigenbasis, with their inner products probe_gram (2 × 2).
    """

    form: Literal["primal", "dual"]
    eigenvalues: Tensor
    features: Tensor
    own_gram: Tensor | None
    probes: Tensor
    probe_gram: Tensor

    def scaled_jacobian_gram(self, at: slice, lambda_: float) -> Tensor:
        """S_i (m × K × K) of a slice of examples."""
        Z = self.features[at]
        inner = (Z / (self.eigenvalues + lambda_)) @ Z.mT
        n = self.features.shape[0]
        if self.own_gram is None:
            return inner / n
        return (self.own_gram[at] - inner) / (n * lambda_)

    def probe_quadratic(self, weights: tuple[float, float], lambda_: float) -> float:
        """uᵀ(GGN + λI)⁻¹u for u = w₀ ḡ + w₁ θ."""
        w = self.probes.new_tensor(weights)
        u = w @ self.probes
        inner = float((u.square() / (self.eigenvalues + lambda_)).sum())
        if self.form == "primal":
            return inner
        return (float(w @ self.probe_gram @ w) - inner) / lambda_


def primal_resolvent(minimum: Minimum, likelihood: Likelihood) -> Resolvent:
    """p × p route; memory about nKp + 4p² numbers."""
    n, outputs, p = likelihood.n, likelihood.outputs, minimum.dim
    J = likelihood.logits.new_empty(n, outputs, p)
    M = J.new_zeros(p, p)
    half = likelihood.half_curvature
    for at, block in jacobian_chunks(minimum, minimum.inputs, chunk=_chunk(outputs * p)):
        J[at] = block
        B = (half[at].mT @ block).flatten(0, 1)
        M.addmm_(B.mT, B, alpha=1 / n)
    e, V = torch.linalg.eigh(M)
    del M
    mean_gradient = _mean_gradient(J, likelihood)
    probes = torch.stack([mean_gradient, minimum.theta])
    for rows in J.split(_chunk(outputs * p)):
        rows.copy_((rows.flatten(0, 1) @ V).view_as(rows))
    return Resolvent("primal", e.clamp_min(0), J, None, probes @ V, probes @ probes.mT)


def dual_resolvent(minimum: Minimum, likelihood: Likelihood) -> Resolvent:
    """nK × nK route; memory about 5 (nK)² numbers."""
    n, outputs = likelihood.n, likelihood.outputs
    half = likelihood.half_curvature / math.sqrt(n)
    theta_gram = gram(minimum, minimum.inputs)
    blocks = theta_gram.view(n, outputs, n, outputs)
    own = torch.einsum("ikil->ikl", blocks).clone()
    N = n * outputs
    T = torch.einsum("akjl,jlm->akjm", blocks, half).reshape(N, N)
    del blocks, theta_gram
    M = torch.einsum("ilk,ilb->ikb", half, T.view(n, outputs, N)).reshape(N, N)
    M = 0.5 * (M + M.mT)
    e, U = torch.linalg.eigh(M)
    del M
    Z = (T @ U).view(n, outputs, N)
    r = likelihood.residual
    b_gradient = torch.einsum("nkm,nk->m", Z, r) / n
    Jtheta = directional_logits(minimum, minimum.theta)
    b_theta = torch.einsum("nlk,nl->nk", half, Jtheta).flatten() @ U
    gradient = mean_gradient_of(minimum)
    pair = torch.stack([gradient, minimum.theta])
    return Resolvent(
        "dual", e.clamp_min(0), Z, own, torch.stack([b_gradient, b_theta]), pair @ pair.mT
    )


def exact_sweep(
    resolvent: Resolvent,
    likelihood: Likelihood,
    lambdas: Tensor,
    *,
    weight_decay: float | None,
    newton_ridge: float | None,
) -> Sweep:
    """Everything of `Sweep` on ascending λ from one resolvent."""
    n, outputs, m = resolvent.features.shape
    count = len(lambdas)
    delta = resolvent.features.new_empty(count, n, outputs)
    quadratic, leverage = delta.new_empty(count, n), delta.new_empty(count, n)
    size = _chunk(outputs * m)
    for start in range(0, n, size):
        at = slice(start, min(start + size, n))
        examples = likelihood.select(torch.arange(n, device=delta.device)[at])
        for row, lambda_ in enumerate(lambdas.tolist()):
            S = resolvent.scaled_jacobian_gram(at, lambda_)
            delta[row, at], quadratic[row, at], leverage[row, at] = leave_one_out(examples, S)
    e = resolvent.eigenvalues
    newton = None
    if newton_ridge is not None:
        newton = 0.5 * resolvent.probe_quadratic((1.0, weight_decay or 0.0), newton_ridge)
    return Sweep(
        lambdas=lambdas,
        rank=torch.stack([(e / (e + x)).sum() for x in lambdas]),
        rank_error=None,
        half_logdet=torch.stack([0.5 * torch.log1p(e / x).sum() for x in lambdas]),
        examples=torch.arange(n, device=delta.device),
        displacement=delta,
        quadratic=quadratic * n,
        mean_quadratic=lambdas.new_tensor(
            [resolvent.probe_quadratic((1.0, 0.0), x) for x in lambdas.tolist()]
        ),
        leverage=leverage,
        newton=newton,
        eigenvalues=e,
        method=_method(resolvent),
    )


def _mean_gradient(J: Tensor, likelihood: Likelihood) -> Tensor:
    return likelihood.residual.flatten() @ J.flatten(0, 1) / likelihood.n


def _chunk(numbers: int) -> int:
    return max(1, ROW_BYTES // (8 * numbers))


def _method(resolvent: Resolvent) -> str:
    m = resolvent.eigenvalues.shape[0]
    if resolvent.form == "primal":
        return f"exact, eigendecomposition of the GGN ({m} × {m})"
    return f"exact, eigendecomposition of the dual Gram matrix ({m} × {m})"
