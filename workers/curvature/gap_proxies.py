"""Labelled proxies of soft rank and TIC at one λ: KFAC, diagonal, sampled Fisher."""

from __future__ import annotations

import torch
from torch import Tensor

from workers.curvature.fisher_proxies import ggn_diagonal, sampled_fisher_eigenvalues
from workers.curvature.gap_result import GapEstimate
from workers.curvature.kfac import KroneckerBlock, kfac_soft_rank, kfac_tic, kronecker_blocks
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum

DRAWS = 10
# Beyond these a proxy would cost more than the estimate it stands beside.
LARGEST_JACOBIAN = 2 * 10**10
LARGEST_FISHER = 2000
FISHER_NUMBERS = 10**8


def proxy_estimates(
    minimum: Minimum, likelihood: Likelihood, lambda_: float, *, seed: int
) -> dict[str, GapEstimate]:
    """Every proxy by name; None with the reason as method where it was not computed."""
    n, p = likelihood.n, minimum.dim
    blocks = kronecker_blocks(minimum, likelihood)
    small = n * likelihood.outputs * p <= LARGEST_JACOBIAN
    diagonal = ggn_diagonal(minimum, likelihood) if small else None
    found = _kfac(minimum, blocks, diagonal, n, lambda_)
    if diagonal is None:
        found["diagonal_soft_rank"] = GapEstimate(None, None, "not computed: the network is large")
    else:
        value = float((diagonal / (diagonal + lambda_)).sum()) / n
        found["diagonal_soft_rank"] = GapEstimate(value, None, "diagonal of the GGN")
    found["sampled_fisher_soft_rank"] = _sampled(minimum, likelihood, lambda_, seed=seed)
    return found


def _kfac(
    minimum: Minimum,
    blocks: list[KroneckerBlock],
    diagonal: Tensor | None,
    n: int,
    lambda_: float,
) -> dict[str, GapEstimate]:
    covered = {name for block in blocks for name in block.names}
    rest = [name for name in minimum.names if name not in covered]
    if not blocks or (rest and diagonal is None):
        reason = "not computed: the network has no Linear or Conv2d layer of its own"
        missing = GapEstimate(None, None, reason)
        return {"kfac_soft_rank": missing, "kfac_tic": missing}
    method = "Kronecker factors of each Linear and Conv2d layer, exact label expectation"
    remainder = minimum.theta[:0]
    if rest and diagonal is not None:
        method += f"; GGN diagonal for {len(rest)} other parameter tensors"
        remainder = torch.cat([minimum.unflatten(diagonal)[name].flatten() for name in rest])
    tic = GapEstimate(kfac_tic(blocks, n, lambda_), None, f"centred; {method}")
    if rest:
        tic = GapEstimate(None, None, f"not computed: no Kronecker factor for {rest[0]}")
    soft_rank = kfac_soft_rank(blocks, remainder, lambda_) / n
    return {"kfac_soft_rank": GapEstimate(soft_rank, None, method), "kfac_tic": tic}


def _sampled(minimum: Minimum, likelihood: Likelihood, lambda_: float, *, seed: int) -> GapEstimate:
    n, p = likelihood.n, minimum.dim
    if min(n, p) > LARGEST_FISHER or n * p * DRAWS > FISHER_NUMBERS:
        return GapEstimate(None, None, "not computed: the network is large")
    e = sampled_fisher_eigenvalues(minimum, likelihood, draws=DRAWS, seed=seed)
    ranks = (e / (e + lambda_)).sum(dim=1) / n
    method = f"Fisher of one sampled label an example (not the GGN): mean and s.d. of {DRAWS} draws"
    return GapEstimate(float(ranks.mean()), float(ranks.std()), method)
