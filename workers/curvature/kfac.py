"""Kronecker-factored GGN (KFAC) with exact label expectation, bias folded in.

Per Linear or Conv2d layer with T positions: A = (1/n) Σ_it a_it a_itᵀ,
B = (1/(nT)) Σ_it s_itᵀ Λ_i s_it, block ≈ B ⊗ A; no blocks across layers. For T = 1 this is the
usual KFAC of a linear layer; for convolutions the "expand" setting. Parameters of other modules
use the diagonal of the GGN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.layer_traces import LayerTrace, trace_layers
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum

CHUNK = 512


@dataclass(frozen=True)
class KroneckerBlock:
    """One layer: eigenvalues (o × d) of B ⊗ A and the mean squared gradient in its eigenbasis.

    second_moment (o × d): (1/n) Σ_i (U_Bᵀ G_i U_A)²; mean_gradient (o × d): U_Bᵀ Ḡ U_A.
    """

    weight: str
    bias: str | None
    eigenvalues: Tensor
    second_moment: Tensor
    mean_gradient: Tensor

    @property
    def names(self) -> set[str]:
        """The parameters of θ this block covers."""
        return {self.weight} | ({self.bias} if self.bias is not None else set())


def kronecker_blocks(minimum: Minimum, likelihood: Likelihood) -> list[KroneckerBlock]:
    """Two passes over the data in chunks: factors, then gradients in their eigenbasis."""
    factors: dict[str, tuple[Tensor, Tensor]] = {}
    names: dict[str, str | None] = {}
    for at, traces in _chunks(minimum, likelihood):
        Lambda = likelihood.select(at).curvature
        for trace in traces:
            names[trace.weight] = trace.bias
            A, B = _factors(trace, Lambda, likelihood.n)
            if trace.weight in factors:
                A, B = factors[trace.weight][0] + A, factors[trace.weight][1] + B
            factors[trace.weight] = A, B
    bases = {name: (torch.linalg.eigh(A), torch.linalg.eigh(B)) for name, (A, B) in factors.items()}
    second: dict[str, Tensor] = {}
    mean: dict[str, Tensor] = {}
    for at, traces in _chunks(minimum, likelihood):
        r = likelihood.residual[at]
        for trace in traces:
            (_, UA), (_, UB) = bases[trace.weight]
            back = torch.einsum("nkto,nk->nto", trace.sensitivities, r)
            G = torch.einsum("nto,ntd->nod", back @ UB, trace.inputs @ UA)
            _accumulate(second, trace.weight, G.square().sum(0) / likelihood.n)
            _accumulate(mean, trace.weight, G.sum(0) / likelihood.n)
    blocks = []
    for name, ((eA, _), (eB, _)) in bases.items():
        e = torch.outer(eB.clamp_min(0), eA.clamp_min(0))
        blocks.append(KroneckerBlock(name, names[name], e, second[name], mean[name]))
    return blocks


def kfac_soft_rank(blocks: list[KroneckerBlock], rest: Tensor, lambda_: float) -> float:
    """Σ e/(e+λ) over all blocks and over `rest`, GGN diagonal of uncovered parameters."""
    e = torch.cat([*(block.eigenvalues.flatten() for block in blocks), rest])
    return float((e / (e + lambda_)).sum())


def kfac_tic(blocks: list[KroneckerBlock], n: int, lambda_: float) -> float:
    """tr(C_c (KFAC + λI)⁻¹)/n over the covered layers."""
    total = 0.0
    for block in blocks:
        variance = block.second_moment - block.mean_gradient.square()
        total += float((variance / (block.eigenvalues + lambda_)).sum())
    return total / n


def _chunks(minimum: Minimum, likelihood: Likelihood) -> Iterator[tuple[Tensor, list[LayerTrace]]]:
    everything = torch.arange(likelihood.n, device=likelihood.logits.device)
    for at in everything.split(CHUNK):
        yield at, trace_layers(minimum, minimum.inputs[at])


def _factors(trace: LayerTrace, Lambda: Tensor, n: int) -> tuple[Tensor, Tensor]:
    positions = trace.inputs.shape[1]
    a = trace.inputs.flatten(0, 1)
    s = trace.sensitivities
    weighted = torch.einsum("nkl,nlto->nkto", Lambda, s)
    B = s.flatten(0, 2).mT @ weighted.flatten(0, 2) / (n * positions)
    return a.mT @ a / n, 0.5 * (B + B.mT)


def _accumulate(store: dict[str, Tensor], name: str, value: Tensor) -> None:
    store[name] = store[name] + value if name in store else value
