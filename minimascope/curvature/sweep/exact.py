"""Exact routes: the GGN (p × p) or its dual BBᵀ (nK × nK) reduced once to a band, for every λ.

With GGN = BᵀB, B = WᵀJ/√n (docs/mathematics.md, section 3):
  primal GGN = Q T Qᵀ, Z = JQ:   S_i = Z_i (T+λ)⁻¹ Z_iᵀ / n
  dual   BBᵀ = Q T Qᵀ, Z = JBᵀQ: S_i = (Θ_ii − Z_i (T+λ)⁻¹ Z_iᵀ) / (nλ)
and for fixed vectors u, v of θ-space the same two formulas give uᵀA⁻¹v.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from minimascope.curvature.layers.gram import gram
from minimascope.curvature.layers.jacobian import jacobian_chunks
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import directional_logits, mean_gradient
from minimascope.curvature.sweep.band import Band, BandResolvent, reduce_to_band
from minimascope.curvature.sweep.leave_one_out import leave_one_out
from minimascope.curvature.sweep.result import Sweep
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.penalty import Ridge

# Rows rotated, or columns solved for, at a time: what stays in a processor's cache.
CACHED_COLUMNS = 512
# Of λ over the largest eigenvalue: below it ε λ₁/λ leaves no digit.
ROUNDING = 1e-14


@dataclass(frozen=True)
class Resolvent:
    """(GGN + λI)⁻¹ for every λ, seen from the examples.

    features Z (n × K × m); own_gram Θ_ii (n × K × K) on the dual route only; probes (2 × m):
    ḡ and θ in the basis of the band, with their inner products probe_gram (2 × 2).
    """

    form: Literal["primal", "dual"]
    band: Band
    features: Tensor
    own_gram: Tensor | None
    probes: Tensor
    probe_gram: Tensor

    def scaled_jacobian_gram(self, at: slice, solver: BandResolvent, lambdas: Tensor) -> Tensor:
        """S_i (L × m × K × K) of a slice of examples."""
        inner = solver.grams(self.features[at])
        n = self.features.shape[0]
        if self.own_gram is None:
            return inner / n
        return (self.own_gram[at] - inner) / (n * lambdas[:, None, None, None])

    def probe_grams(self, solver: BandResolvent, lambdas: Tensor) -> Tensor:
        """uᵀ(GGN + λI)⁻¹v for u, v among ḡ and θ (L × 2 × 2)."""
        inner = solver.grams(self.probes[None])[:, 0]
        if self.form == "primal":
            return inner
        return (self.probe_gram - inner) / lambdas[:, None, None]


def primal_resolvent(minimum: Minimum, likelihood: Likelihood) -> Resolvent:
    """p × p route; memory about nKp + 1.5p² numbers."""
    n, outputs, p = likelihood.n, likelihood.outputs, minimum.dim
    J = likelihood.logits.new_empty(n, outputs, p)
    M = J.new_zeros(p, p)
    half = likelihood.half_curvature
    for at, block in jacobian_chunks(minimum, minimum.inputs, outputs=outputs):
        J[at] = block
        B = (half[at].mT @ block).flatten(0, 1)
        M.addmm_(B.mT, B, alpha=1 / n)
    band = reduce_to_band(M)
    del M
    probes = torch.stack([_mean_gradient(J, likelihood), minimum.theta])
    probe_gram = probes @ probes.mT
    for rows in J.view(n * outputs, p).split(CACHED_COLUMNS):
        band.rotate_(rows)
    return Resolvent("primal", band, J, None, band.rotate_(probes), probe_gram)


def dual_resolvent(minimum: Minimum, likelihood: Likelihood) -> Resolvent:
    """nK × nK route; memory about 4 (nK)² numbers."""
    n, outputs = likelihood.n, likelihood.outputs
    half = likelihood.half_curvature / math.sqrt(n)
    theta_gram = gram(minimum, minimum.inputs)
    blocks = theta_gram.view(n, outputs, n, outputs)
    own = torch.einsum("ikil->ikl", blocks).clone()
    N = n * outputs
    Z = torch.einsum("akjl,jlm->akjm", blocks, half).reshape(N, N)
    del blocks, theta_gram
    M = torch.einsum("ilk,ilb->ikb", half, Z.view(n, outputs, N)).reshape(N, N)
    band = reduce_to_band(0.5 * (M + M.mT))
    del M
    Jtheta = directional_logits(minimum, minimum.theta)
    b_gradient = likelihood.residual.flatten() @ Z / n
    b_theta = torch.einsum("nlk,nl->nk", half, Jtheta).flatten()
    probes = band.rotate_(torch.stack([b_gradient, b_theta]))
    for rows in Z.split(CACHED_COLUMNS):
        band.rotate_(rows)
    pair = torch.stack([mean_gradient(minimum), minimum.theta])
    return Resolvent("dual", band, Z.view(n, outputs, N), own, probes, pair @ pair.mT)


def exact_sweep(
    resolvent: Resolvent,
    likelihood: Likelihood,
    lambdas: Tensor,
    penalty: Ridge,
) -> Sweep:
    """Everything of `Sweep` on ascending λ from one resolvent."""
    n, outputs, m = resolvent.features.shape
    e = resolvent.band.eigenvalues().clamp_min(0)
    _refuse_rounding(float(lambdas.min()), float(e.max()))
    ridges = lambdas.to(resolvent.features)
    solver = BandResolvent(resolvent.band, ridges)
    delta = ridges.new_empty(len(ridges), n, outputs)
    quadratic, leverage = delta.new_empty(len(ridges), n), delta.new_empty(len(ridges), n)
    size = max(1, CACHED_COLUMNS // outputs)
    for start in range(0, n, size):
        at = slice(start, min(start + size, n))
        examples = likelihood.select(torch.arange(n, device=delta.device)[at])
        S = resolvent.scaled_jacobian_gram(at, solver, ridges)
        delta[:, at], quadratic[:, at], leverage[:, at] = leave_one_out(examples, S)
    half_logdet = 0.5 * (solver.logdets - m * ridges.log())
    return Sweep(
        lambdas=lambdas,
        rank=(e / (e + ridges[:, None])).sum(dim=1),
        rank_error=None,
        half_logdet=half_logdet,
        examples=torch.arange(n, device=delta.device),
        displacement=delta,
        quadratic=quadratic * n,
        mean_quadratic=resolvent.probe_grams(solver, ridges)[:, 0, 0],
        leverage=leverage,
        newton=_newton(resolvent, penalty),
        eigenvalues=e,
        method=_method(resolvent),
    )


def _refuse_rounding(smallest: float, largest: float) -> None:
    if smallest < ROUNDING * largest:
        raise ValueError(
            f"λ = {smallest:.3g} is less than {ROUNDING:g} of the largest eigenvalue of the GGN "
            f"({largest:.3g}): rounding alone decides what comes out. Curves go from a hundredth "
            "of λ_eff to a hundred times it; give a larger weight decay, or lr, momentum and steps."
        )


def _newton(resolvent: Resolvent, penalty: Ridge) -> float | None:
    """½ gᵀ(GGN + ridge I)⁻¹g with g = ḡ + weight decay·θ, None where that is not known."""
    if penalty.stabilised is None:
        return None
    at = resolvent.probes.new_tensor([penalty.stabilised])
    gram = resolvent.probe_grams(BandResolvent(resolvent.band, at), at)[0]
    w = at.new_tensor([1.0, penalty.weight_decay or 0.0])
    return 0.5 * float(w @ gram @ w)


def _mean_gradient(J: Tensor, likelihood: Likelihood) -> Tensor:
    return likelihood.residual.flatten() @ J.flatten(0, 1) / likelihood.n


def _method(resolvent: Resolvent) -> str:
    m = resolvent.band.dim
    name = "the GGN" if resolvent.form == "primal" else "the dual Gram matrix"
    return f"exact for every λ: {name} ({m} × {m}) reduced to a band"
