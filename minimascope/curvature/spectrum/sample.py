"""The Hessian of some examples drawn at random, and how far its eigenpairs hold for all of them.

With m of n examples drawn, H_S is their Hessian and (λ, v) a pair of it. λmax is convex, so that
E λ₁(H_S) ≥ λ₁(H): a sample's leading eigenvalue is too large on average, because v fits the sample.
vᵀHv over all examples is a Rayleigh quotient, so that v₁ᵀHv₁ ≤ λ₁(H). It is the mean of λ, for
those drawn, and of vᵀH_e v over the others, which v has never seen: their mean over some of them is
an estimate without bias, whose standard error is that of sampling without replacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.clock import Progress, silent

BATCHES = 20  # of held-out examples, whose means tell the standard error
FEWEST = 2 * BATCHES  # held-out examples, however few were drawn


@dataclass(frozen=True)
class Drawn:
    """Rows (ascending) of the sample and of examples held out of it; `total` is n."""

    sampled: Tensor
    held_out: Tensor
    total: int


@dataclass(frozen=True)
class OnAll:
    """vᵀHv (k,) over all examples with its standard error (k,), None where the value is exact."""

    value: Tensor
    standard_error: Tensor | None


def drawn(n: int, examples: int, *, seed: int) -> Drawn:
    """`examples` < n rows without replacement, and as many others, or all of these if fewer."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    others = order[examples:][: max(examples, FEWEST)]
    # Batches are to be alike: neighbours in a file often are of one class.
    return Drawn(order[:examples].sort().values, others, n)


def curvature_on_all(
    minimum: Minimum,
    rows: Drawn,
    eigenvalues: Tensor,
    eigenvectors: Tensor,
    *,
    progress: Progress = silent,
) -> OnAll:
    """vᵀHv over all n examples for pairs (k,), (k, p) of the sample: k products with the others.

    ValueError where a product is not finite.
    """
    batches = rows.held_out.to(minimum.inputs.device).tensor_split(min(BATCHES, len(rows.held_out)))
    quotients = torch.zeros(len(batches), len(eigenvalues), dtype=torch.float64)
    for index, batch in enumerate(batches):
        progress(index / len(batches), "The pairs on examples outside the sample")
        images = hessian(minimum.subset(batch)).matmat(eigenvectors)
        quotients[index] = (images * eigenvectors).sum(1).double().cpu()
    sizes = torch.tensor([len(batch) for batch in batches], dtype=torch.float64)
    return _combined(rows, sizes, quotients, eigenvalues.double().cpu())


def _combined(rows: Drawn, sizes: Tensor, quotients: Tensor, eigenvalues: Tensor) -> OnAll:
    held, unseen = len(rows.held_out), rows.total - len(rows.sampled)
    weights = sizes / held
    mean = weights @ quotients
    count = len(sizes)
    between = (weights.square() @ (quotients - mean).square()) * count / max(1, count - 1)
    share = unseen / rows.total
    value = (1 - share) * eigenvalues + share * mean
    if held == unseen:  # every other example was held out: nothing is left to chance
        return OnAll(value, None)
    return OnAll(value, share * (between * (1 - held / unseen)).sqrt())
