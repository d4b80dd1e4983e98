"""Labelled proxies of soft rank and TIC at one λ: KFAC, diagonal, sampled Fisher."""

from __future__ import annotations

from torch import Tensor

from minimascope.curvature.gap.kfac import kfac_soft_rank, kfac_tic, kronecker_blocks
from minimascope.curvature.gap.result import GapEstimate
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.fisher import sampled_fisher_eigenvalues
from minimascope.curvature.products.ggn import ggn_diagonal, ggn_diagonal_of
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Metric

DRAWS = 10
# Beyond these a proxy would cost more than the estimate it stands beside.
LARGEST_JACOBIAN, LARGEST_DIAGONAL = 2 * 10**10, 2 * 10**11
LARGEST_FISHER = 2000
FISHER_NUMBERS = 10**8


def proxy_estimates(
    minimum: Minimum, likelihood: Likelihood, metric: Metric, lambda_: float, *, seed: int
) -> dict[str, GapEstimate]:
    """Every proxy by name; None with the reason as method where it was not computed."""
    numbers = likelihood.n * likelihood.outputs * minimum.dim
    small = numbers <= LARGEST_JACOBIAN and numbers * likelihood.outputs <= LARGEST_DIAGONAL
    found = _kfac(minimum, likelihood, metric, lambda_)
    if small:
        diagonal = metric.scaled(metric.scaled(ggn_diagonal(minimum, likelihood)))
        value = float((diagonal / (diagonal + lambda_)).sum()) / likelihood.n
        found["diagonal_soft_rank"] = GapEstimate(value, None, "diagonal of the GGN")
    else:
        found["diagonal_soft_rank"] = GapEstimate(None, None, "not computed: the network is large")
    found["sampled_fisher_soft_rank"] = _sampled(minimum, likelihood, metric, lambda_, seed=seed)
    return found


def _kfac(
    minimum: Minimum, likelihood: Likelihood, metric: Metric, lambda_: float
) -> dict[str, GapEstimate]:
    n = likelihood.n
    if metric.root is not None:
        missing = GapEstimate(None, None, _no_factors(metric.root))
        return {"kfac_soft_rank": missing, "kfac_tic": missing}
    blocks = kronecker_blocks(minimum, likelihood)
    covered = {name for block in blocks for name in block.names}
    rest = [name for name in minimum.names if name not in covered]
    uncovered = sum(minimum.places[name].size for name in rest)
    reason = None
    if not blocks:
        reason = "not computed: the network has no Linear, Conv2d or Embedding layer of its own"
    elif n * likelihood.outputs * uncovered > LARGEST_JACOBIAN:
        reason = f"not computed: {uncovered} parameters have no Kronecker factor"
    if reason is not None:
        missing = GapEstimate(None, None, reason)
        return {"kfac_soft_rank": missing, "kfac_tic": missing}
    method = "Kronecker factors of each layer with weights, exact label expectation"
    remainder = minimum.theta[:0]
    tic = GapEstimate(kfac_tic(blocks, n, lambda_), None, f"centred; {method}")
    if rest:
        method += f"; GGN diagonal for {len(rest)} other parameter tensors"
        remainder = ggn_diagonal_of(minimum, likelihood, rest)
        tic = GapEstimate(None, None, f"not computed: no Kronecker factor for {rest[0]}")
    soft_rank = kfac_soft_rank(blocks, remainder, lambda_) / n
    return {"kfac_soft_rank": GapEstimate(soft_rank, None, method), "kfac_tic": tic}


def _no_factors(root: Tensor) -> str:
    """A scale for each parameter leaves no product of two factors: which scale it is."""
    seen = root[root > 0]
    if bool((seen != seen[0]).any()):
        return "not computed: λ is not the same for all parameters"
    if len(seen) == len(root):
        return "not computed: λ is in units of Adam's steps"
    return (
        "not computed: biases in front of a BatchNorm are left out, and a layer's Kronecker factor "
        "holds its bias"
    )


def _sampled(
    minimum: Minimum, likelihood: Likelihood, metric: Metric, lambda_: float, *, seed: int
) -> GapEstimate:
    n, p = likelihood.n, minimum.dim
    if min(n, p) > LARGEST_FISHER or n * p * DRAWS > FISHER_NUMBERS:
        return GapEstimate(None, None, "not computed: the network is large")
    e = sampled_fisher_eigenvalues(minimum, likelihood, draws=DRAWS, seed=seed, root=metric.root)
    ranks = (e / (e + lambda_)).sum(dim=1) / n
    method = f"Fisher of one sampled label an example (not the GGN): mean and s.d. of {DRAWS} draws"
    return GapEstimate(float(ranks.mean()), float(ranks.std()), method)
