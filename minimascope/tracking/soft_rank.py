"""Soft rank Σ e/(e + λ) of the GGN of the sample, in the optimiser's metric.

Exact from its dual (nK × nK) where that is small; else by quadrature, whose error is said.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minimascope.curvature.krylov.slq import ProbeSize, quadrature, spectral_sum
from minimascope.curvature.layers.gram import gram
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.running.run import Run
from minimascope.objective.likelihood import Likelihood

LARGEST_DUAL = 768
LARGEST_JACOBIAN = 2 * 10**8  # numbers of J, nKp, whose Gram matrix is worth its time
PROBES = ProbeSize(probes=3, steps=12)


def soft_rank(
    minimum: Minimum, ridge: float, root: Tensor | None, *, seed: int
) -> tuple[float, float | None]:
    """At λ = `ridge` > 0, of J·diag(root); its standard error, None where it is exact."""
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    size = likelihood.n * likelihood.outputs
    root = None if root is None else root.to(minimum.theta)

    def share(e: Tensor) -> Tensor:
        return e.clamp_min(0) / (e.clamp_min(0) + ridge)

    if size <= LARGEST_DUAL and size * minimum.dim <= LARGEST_JACOBIAN:
        return float(share(_eigenvalues(minimum, likelihood, root)).sum()), None
    operator = Ggn(minimum, root=root).operator
    return spectral_sum(
        minimum.theta.new_zeros(0), quadrature(operator, None, size=PROBES, run=Run(seed)), share
    )


def _eigenvalues(minimum: Minimum, likelihood: Likelihood, root: Tensor | None) -> Tensor:
    """Of the dual: those of the GGN that are not zero."""
    n, K = likelihood.n, likelihood.outputs
    half = likelihood.half_curvature.double() / math.sqrt(n)
    blocks = gram(minimum, minimum.inputs, root).double().view(n, K, n, K)
    M = torch.einsum("ilk,iljm,jmb->ikjb", half, blocks, half).reshape(n * K, n * K)
    return torch.linalg.eigvalsh(0.5 * (M + M.mT))
