"""Kronecker-factored GGN (KFAC) with exact label expectation, bias folded in.

Per Linear, Conv2d or Embedding layer with T positions: A = (1/n) Σ_it a_it a_itᵀ,
B = (1/(nT)) Σ_it s_itᵀ Λ_i s_it, block ≈ B ⊗ A; no blocks across layers. For T = 1 this is the
usual KFAC of a linear layer; otherwise the "expand" setting. Parameters of other modules use the
diagonal of the GGN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.layers.traces import LayerTrace, trace_layers
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood

CHUNK = 512
# Numbers of all traces of a chunk of examples, and of their gradients in one layer.
TRACED, HELD = 2 * 10**8, 5 * 10**7
ROUNDING = 1e-14


@dataclass(frozen=True)
class KroneckerBlock:
    """One layer: eigenvalues (o × r) of B ⊗ A and the mean squared gradient in its eigenbasis.

    second_moment (o × r): (1/n) Σ_i (U_Bᵀ G_i U_A)²; mean_gradient (o × r): U_Bᵀ Ḡ U_A. A layer
    of d inputs that saw r < d of them has d − r more eigenvalues 0, along which no G_i points.
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


@dataclass
class _Factors:
    """Sums under way for one layer; A as rows a_it where there are fewer of these than inputs."""

    bias: str | None
    rows: list[Tensor]
    A: Tensor | None
    B: Tensor

    def basis(self, n: int) -> tuple[Tensor, Tensor]:
        """Eigenvalues (r,) and eigenvectors (d × r) of A."""
        if self.A is not None:
            e, U = torch.linalg.eigh(self.A / n)
            return e.clamp_min(0), U
        a = torch.cat(self.rows)
        e, U = torch.linalg.eigh(a @ a.mT / n)
        kept = e > ROUNDING * e[-1]
        return e[kept], a.mT @ (U[:, kept] / (n * e[kept]).sqrt())


def kronecker_blocks(minimum: Minimum, likelihood: Likelihood) -> list[KroneckerBlock]:
    """Two passes over the data in chunks: factors, then gradients in their eigenbasis."""
    n = likelihood.n
    factors: dict[str, _Factors] = {}
    for at, traces in _chunks(minimum, n):
        Lambda = likelihood.select(at).curvature
        for trace in traces:
            _add(factors, trace, Lambda, n)
    bases = {
        name: (each.basis(n), torch.linalg.eigh(0.5 * (each.B + each.B.mT) / n))
        for name, each in factors.items()
    }
    second: dict[str, Tensor] = {}
    mean: dict[str, Tensor] = {}
    for at, traces in _chunks(minimum, n):
        r = likelihood.residual[at]
        for trace in traces:
            (_, UA), (_, UB) = bases[trace.weight]
            back = torch.einsum("nkto,nk->nto", trace.sensitivities, r) @ UB
            squares, sums = _moments(back, trace.inputs @ UA)
            _accumulate(second, trace.weight, squares / n)
            _accumulate(mean, trace.weight, sums / n)
    return [
        KroneckerBlock(
            name,
            factors[name].bias,
            torch.outer(eB.clamp_min(0), eA),
            second[name],
            mean[name],
        )
        for name, ((eA, _), (eB, _)) in bases.items()
    ]


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


def _chunks(minimum: Minimum, n: int) -> Iterator[tuple[Tensor, list[LayerTrace]]]:
    first = trace_layers(minimum, minimum.inputs[:1])
    numbers = sum(each.inputs.numel() + each.sensitivities.numel() for each in first)
    size = max(1, min(CHUNK, TRACED // max(1, numbers)))
    everything = torch.arange(n, device=minimum.inputs.device)
    # A table of positions has as many rows whatever the examples: seen with one, it is no layer.
    layers = {each.weight for each in first}
    for at in everything.split(size):
        traces = trace_layers(minimum, minimum.inputs[at])
        yield at, [each for each in traces if each.weight in layers]


def _add(factors: dict[str, _Factors], trace: LayerTrace, Lambda: Tensor, n: int) -> None:
    """Sums of one chunk, not yet divided by n."""
    positions, inputs = trace.inputs.shape[1:]
    a, s = trace.inputs.flatten(0, 1), trace.sensitivities
    weighted = torch.einsum("nkl,nlto->nkto", Lambda, s)
    B = s.flatten(0, 2).mT @ weighted.flatten(0, 2) / positions
    thin = n * positions < inputs
    if trace.weight not in factors:
        A = None if thin else torch.zeros(inputs, inputs).to(a)
        factors[trace.weight] = _Factors(trace.bias, [], A, torch.zeros_like(B))
    mine = factors[trace.weight]
    mine.B += B
    if mine.A is None:
        mine.rows.append(a)
    else:
        mine.A.addmm_(a.mT, a)


def _moments(back: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_i G_i² and Σ_i G_i (o × r) of G_i = back_iᵀ inputs_i, from n × T × o and n × T × r."""
    if back.shape[1] == 1:
        b, a = back[:, 0], inputs[:, 0]
        return b.square().mT @ a.square(), b.mT @ a
    size = max(1, HELD // (back.shape[2] * inputs.shape[2]))
    squares = sums = torch.zeros(back.shape[2], inputs.shape[2]).to(back)
    for b, a in zip(back.split(size), inputs.split(size), strict=True):
        G = b.mT @ a
        squares = squares + G.square().sum(dim=0)
        sums = sums + G.sum(dim=0)
    return squares, sums


def _accumulate(store: dict[str, Tensor], name: str, value: Tensor) -> None:
    store[name] = store[name] + value if name in store else value
