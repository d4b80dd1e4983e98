"""Functions of GGN + λI that need products alone: soft rank, log-determinant, quadratic forms.

The top eigenpairs are taken out once (`deflation`); outside them one Lanczos run each serves every
λ. Stochastic Lanczos quadrature: Ubaru, Chen and Saad, "Fast estimation of tr(f(A)) via stochastic
Lanczos quadrature", 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.block_quadrature import BlockLanczos, begin
from workers.curvature.deflation import Deflation, top_pairs
from workers.curvature.ggn_product import Product, ggn_product
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum

PROBES = 20
SLQ_STEPS = 100
SLQ_TOLERANCE = 1e-3
MAX_STEPS = 200
CHECK_EVERY = 5
TOLERANCE = 1e-4
BLOCK_NUMBERS = 5 * 10**7
# Eigenpairs of the GGN taken out first, and the memory their Lanczos run may use (4 GB).
DEFLATED = 50
EXTRA_STEPS = 20
BASIS_NUMBERS = 5 * 10**8


@dataclass(frozen=True)
class DeflatedGgn:
    """GGN products with its top eigenpairs taken out, for every λ of the sweep."""

    minimum: Minimum
    likelihood: Likelihood
    product: Product
    deflation: Deflation
    lambdas: Tensor

    def begin(self, X: Tensor) -> BlockLanczos:
        """Recurrences started at columns X (b × p × K), outside the known pairs."""
        return begin(self.product, self.deflation.outside(X))


def deflated_ggn(
    minimum: Minimum, likelihood: Likelihood, lambdas: Tensor, generator: torch.Generator
) -> DeflatedGgn:
    """Takes out up to 50 eigenpairs, fewer where their Lanczos run would not fit in 4 GB."""
    product, theta = ggn_product(minimum, likelihood), minimum.theta
    steps = max(1, min(2 * DEFLATED + EXTRA_STEPS, minimum.dim, BASIS_NUMBERS // minimum.dim))
    deflation = top_pairs(
        product,
        torch.randn(minimum.dim, generator=generator).to(theta),
        count=max(0, min(DEFLATED, (steps - EXTRA_STEPS) // 2)),
        steps=steps,
        smallest_lambda=float(lambdas.min()),
        accuracy=0.1 * TOLERANCE,
    )
    return DeflatedGgn(minimum, likelihood, deflation.product(product), deflation, lambdas)


def vector_quadratic(ggn: DeflatedGgn, vector: Tensor, lambdas: Tensor) -> Tensor:
    """vᵀ(GGN + λI)⁻¹v (L,), converged to the same tolerance."""
    if float(vector.norm()) == 0:
        return torch.zeros_like(lambdas)
    X = vector[None, :, None]
    known = ggn.deflation.quadratic(X, lambdas)[:, 0, 0, 0]
    lanczos = ggn.begin(X)
    before: Tensor | None = None
    while len(lanczos.diagonal) < min(MAX_STEPS, vector.shape[0]) and not lanczos.exhausted:
        lanczos.advance()
        if len(lanczos.diagonal) % CHECK_EVERY:
            continue
        value = known + lanczos.quadratic(lambdas)[:, 0, 0, 0]
        if before is not None and float(((value - before) / value).abs().max()) < TOLERANCE:
            break
        before = value
    return known + lanczos.quadratic(lambdas)[:, 0, 0, 0]


def soft_rank(ggn: DeflatedGgn, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(rank, its standard error, ½ log det) for every λ: known pairs, and one run a probe."""
    theta = ggn.minimum.theta
    signs = torch.randint(0, 2, (PROBES, theta.shape[0], 1), generator=generator)
    at_once = max(1, BLOCK_NUMBERS // theta.shape[0])
    parts = [_probe(ggn, (2 * each - 1).to(theta)) for each in signs.split(at_once)]
    ranks, logdets = (torch.cat(each, dim=1) for each in zip(*parts, strict=True))
    ridge = ggn.lambdas.to(theta)[:, None]
    known = ggn.deflation.values
    return (
        (known / (known + ridge)).sum(dim=1) + ranks.mean(dim=1),
        ranks.std(dim=1) / math.sqrt(PROBES),
        0.5 * torch.log1p(known / ridge).sum(dim=1) + logdets.mean(dim=1),
    )


def _probe(ggn: DeflatedGgn, X: Tensor) -> tuple[Tensor, Tensor]:
    """Rank and ½ log det outside the known pairs (L × probes), as accurate as a probe deserves."""
    lanczos = ggn.begin(X)
    ridge = ggn.lambdas.to(X)[:, None, None]
    before: Tensor | None = None
    while len(lanczos.diagonal) < min(SLQ_STEPS, X.shape[1]) and not lanczos.exhausted:
        lanczos.advance()
        if len(lanczos.diagonal) % CHECK_EVERY:
            continue
        values, weights = lanczos.nodes()
        ranks = (weights * values.clamp_min(0) / (values.clamp_min(0) + ridge)).sum(dim=2)
        # Probes differ by percents, so a change by SLQ_TOLERANCE of each is no part of the error.
        if before is not None and bool(((ranks - before).abs() <= SLQ_TOLERANCE * ranks).all()):
            break
        before = ranks
    values, weights = lanczos.nodes()
    e = values.clamp_min(0)
    ranks = (weights * e / (e + ridge)).sum(dim=2)
    return ranks, 0.5 * (weights * torch.log1p(e / ridge)).sum(dim=2)
