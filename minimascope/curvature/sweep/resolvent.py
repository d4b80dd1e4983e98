"""(GGN + λI)⁻¹ seen from the examples, from one reduction of GGN or of its dual to a band.

With GGN = BᵀB, B = WᵀJ/√n (docs/mathematics.md, section 3):
  primal GGN = Q T Qᵀ, Z = JQ:   S_i = Z_i (T+λ)⁻¹ Z_iᵀ / n
  dual   BBᵀ = Q T Qᵀ, Z = JBᵀQ: S_i = (Θ_ii − Z_i (T+λ)⁻¹ Z_iᵀ) / (nλ)
and for fixed vectors u, v of θ-space the same two formulas give uᵀA⁻¹v. In the coordinates of a
metric J is J·R^(−½) throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from minimascope.curvature.layers.gram import add_transpose_, gram
from minimascope.curvature.layers.jacobian import jacobian_chunks
from minimascope.curvature.minimum.copies import Units, units_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.gradient import directional_logits, mean_gradient
from minimascope.curvature.running.clock import Progress, part, silent
from minimascope.curvature.sweep.band import Band, reduce_to_band
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Metric

# Rows rotated, or columns solved for, at a time: what stays in a processor's cache.
CACHED_COLUMNS = 512


class Solver(Protocol):
    """(T + λI)⁻¹ of a band at L values of λ, real or complex."""

    def grams(self, rows: Tensor) -> Tensor:
        """Z_i (T + λI)⁻¹ Z_iᵀ (L × m × k × k) of m groups of k rows, m × k × dim."""
        ...


@dataclass(frozen=True)
class Resolvent:
    """(GGN + λI)⁻¹ for every λ.

    features Z (n × K × m); units: examples that are left out together, by their number; own_gram
    Θ_uu (u × cK × cK) of the units of c examples, on the dual route only; probes (2 × m): ḡ and
    θ in the basis of the band, with their inner products probe_gram (2 × 2); `pull` times the
    second is Pθ (which it is already where P is not one number).
    """

    form: Literal["primal", "dual"]
    band: Band
    features: Tensor
    units: Units
    own_gram: dict[int, Tensor] | None
    probes: Tensor
    probe_gram: Tensor
    pull: float

    def scaled_jacobian_gram(
        self, copies: int, at: slice, solver: Solver, lambdas: Tensor
    ) -> Tensor:
        """S_u (L × u × cK × cK) of a slice of the units of `copies` examples."""
        inner = solver.grams(self.features[self.units[copies][at]].flatten(1, 2))
        n = self.features.shape[0]
        if self.own_gram is None:
            return inner / n
        return (self.own_gram[copies][at] - inner) / (n * lambdas[:, None, None, None])

    def probe_grams(self, solver: Solver, lambdas: Tensor) -> Tensor:
        """uᵀ(GGN + λI)⁻¹v for u, v among the two probes (L × 2 × 2)."""
        inner = solver.grams(self.probes[None])[:, 0]
        if self.form == "primal":
            return inner
        return (self.probe_gram - inner) / lambdas[:, None, None]


def units_at_a_time(
    resolvent: Resolvent, likelihood: Likelihood
) -> Iterator[tuple[int, slice, Likelihood]]:
    """Number of copies, a slice of the units that have so many, and their examples in a row."""
    for copies, rows in resolvent.units.items():
        size = max(1, CACHED_COLUMNS // (copies * likelihood.outputs))
        for start in range(0, rows.shape[0], size):
            at = slice(start, min(start + size, rows.shape[0]))
            yield copies, at, likelihood.select(rows[at].flatten())


def primal_resolvent(
    minimum: Minimum,
    likelihood: Likelihood,
    metric: Metric,
    *,
    added: Tensor | None = None,
    progress: Progress = silent,
) -> Resolvent:
    """p × p route; memory about nKp + 1.5p² numbers. `added` (p,) goes onto the diagonal."""
    n, outputs, p = likelihood.n, likelihood.outputs, minimum.dim
    J = likelihood.logits.new_empty(n, outputs, p)
    M = J.new_zeros(p, p)
    half = likelihood.half_curvature
    for at, block in jacobian_chunks(minimum, minimum.inputs, outputs=outputs):
        J[at] = metric.scaled(block)
        B = (half[at].mT @ J[at]).flatten(0, 1)
        M.addmm_(B.mT, B, alpha=1 / n)
        progress(0.5 * at.stop / n, "gradients of all outputs")
    if added is not None:
        M.diagonal().add_(added)
    band = reduce_to_band(M, progress=part(progress, 0.5, 1.0))
    del M
    gradient = likelihood.residual.flatten() @ J.flatten(0, 1) / n
    theta, weight = _pull(metric, minimum.theta)
    probes = torch.stack([gradient, theta])
    probe_gram = probes @ probes.mT
    for rows in J.view(n * outputs, p).split(CACHED_COLUMNS):
        band.rotate_(rows)
    units = units_of(minimum)
    return Resolvent("primal", band, J, units, None, band.rotate_(probes), probe_gram, weight)


def dual_resolvent(
    minimum: Minimum, likelihood: Likelihood, metric: Metric, *, progress: Progress = silent
) -> Resolvent:
    """nK × nK route; memory about 2 (nK)² numbers."""
    n, outputs = likelihood.n, likelihood.outputs
    half = likelihood.half_curvature / math.sqrt(n)
    progress(0.0, "gradients of all outputs, multiplied with each other")
    N = n * outputs
    Z = gram(minimum, minimum.inputs, metric.root)  # Θ, until it is multiplied from the right
    units, blocks = units_of(minimum), Z.view(n, outputs, n, outputs)
    own = {copies: _own_gram(blocks, at) for copies, at in units.items()}
    for rows in Z.split(CACHED_COLUMNS):
        seen = rows.view(-1, n, outputs)
        rows.copy_(torch.einsum("ajl,jlm->ajm", seen, half).flatten(1))
    M = torch.empty_like(Z)
    for at in torch.arange(n, device=Z.device).split(max(1, CACHED_COLUMNS // outputs)):
        rows = Z.view(n, outputs, N)[at[0] : at[-1] + 1]
        bent = torch.einsum("ilk,ilb->ikb", 0.5 * half[at], rows)
        M.view(n, outputs, N)[at[0] : at[-1] + 1] = bent
    band = reduce_to_band(add_transpose_(M), progress=part(progress, 0.5, 1.0))
    del M
    theta, weight = _pull(metric, minimum.theta)
    Jtheta = directional_logits(minimum, metric.scaled(theta))
    b_gradient = likelihood.residual.flatten() @ Z / n
    b_theta = torch.einsum("nlk,nl->nk", half, Jtheta).flatten()
    probes = band.rotate_(torch.stack([b_gradient, b_theta]))
    for rows in Z.split(CACHED_COLUMNS):
        band.rotate_(rows)
    pair = torch.stack([metric.scaled(mean_gradient(minimum)), theta])
    features = Z.view(n, outputs, N)
    return Resolvent("dual", band, features, units, own, probes, pair @ pair.mT, weight)


def _own_gram(blocks: Tensor, at: Tensor) -> Tensor:
    """Θ_uu (u × cK × cK) from n × K × n × K, for units of c examples (u × c)."""
    picked = blocks[at[:, :, None], :, at[:, None, :], :]  # u × c × c × K × K
    return picked.permute(0, 1, 3, 2, 4).flatten(3, 4).flatten(1, 2).clone()


def _pull(metric: Metric, theta: Tensor) -> tuple[Tensor, float]:
    """A vector (p,) in the metric's coordinates, and the number that makes it Pθ there."""
    if metric.root is None and metric.proportion is not None:
        return theta, metric.proportion
    return metric.scaled(metric.penalty * theta), 1.0
