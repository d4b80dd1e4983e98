"""Stochastic Lanczos quadrature: tr f(H) outside known eigenpairs, from random probes.

Each probe z ⊥ known eigenvectors gives a Gauss rule (nodes θ_j, weights τ_j) with
zᵀ f(H) z ≈ Σ_j τ_j f(θ_j). Source: Ubaru, Chen and Saad, "Fast estimation of tr(f(A)) via
stochastic Lanczos quadrature", 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from minimascope.curvature.krylov.block import zero_level
from minimascope.curvature.products.graphs import available_bytes
from minimascope.curvature.products.long_sums import norms as lengths
from minimascope.curvature.products.long_sums import outside
from minimascope.curvature.products.operators import Operator


@dataclass(frozen=True)
class Quadrature:
    """Gauss rules of unit probes: nodes and weights (probes, steps), weights summing to 1.

    `dim` is the dimension of the space the probes were drawn from, p − r; `steps` are those of the
    shortest chain. Shorter chains are filled up with nodes at 0 of weight 0.
    """

    nodes: Tensor
    weights: Tensor
    dim: int
    steps: int

    @property
    def probes(self) -> int:
        return self.nodes.shape[0]


def spectral_sum(
    known: Tensor, rules: Quadrature | None, f: Callable[[Tensor], Tensor]
) -> tuple[float, float | None]:
    """Σ f(λ) over the known eigenvalues and those the rules stand for, with standard error.

    `f` maps a tensor of eigenvalues to one of the same shape; without rules the unknown ones
    are left out and the error is None. Soft rank of H₊ at λ: f = e₊/(e₊ + λ).
    """
    total = float(f(known.double()).sum())
    if rules is None:
        return total, None
    samples = rules.dim * (rules.weights * f(rules.nodes)).sum(1)
    return total + float(samples.mean()), float(samples.std()) / rules.probes**0.5


def quadrature(
    operator: Operator,
    known_vectors: Tensor | None,
    *,
    probes: int,
    steps: int,
    seed: int,
    progress: Callable[[float, str], None],
) -> Quadrature:
    """Runs `probes` Lanczos chains of `steps` products side by side, orthogonal to known pairs."""
    known = operator_rows(operator, known_vectors)
    rest = operator.dim - known.shape[0]
    probes, steps = max(1, probes), max(1, min(steps, rest))
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    width = _chains_at_once(operator, steps)
    rules: list[tuple[Tensor, Tensor]] = []
    for first in range(0, probes, width):
        count = min(width, probes - first)
        block = torch.randn(count, operator.dim, generator=generator, **like)
        rules.append(_chains(operator, known, block, steps=steps))
        progress((first + count) / probes, f"{first + count} of {probes} probes")
    nodes, weights = zip(*rules, strict=True)
    return Quadrature(torch.cat(nodes), torch.cat(weights), rest, steps)


def join(first: Quadrature, second: Quadrature) -> Quadrature:
    """Probes of two runs on the same space."""
    longest = max(first.nodes.shape[1], second.nodes.shape[1])

    def filled(rows: Tensor) -> Tensor:
        return functional.pad(rows, (0, longest - rows.shape[1]))

    nodes = torch.cat([filled(first.nodes), filled(second.nodes)])
    weights = torch.cat([filled(first.weights), filled(second.weights)])
    return Quadrature(nodes, weights, first.dim, min(first.steps, second.steps))


def operator_rows(operator: Operator, known_vectors: Tensor | None) -> Tensor:
    """Known eigenvectors as (r, p) in the operator's dtype, r = 0 where there are none."""
    if known_vectors is None:
        return torch.empty(0, operator.dim, dtype=operator.dtype, device=operator.device)
    return known_vectors.to(dtype=operator.dtype, device=operator.device)


def _chains_at_once(operator: Operator, steps: int) -> int:
    item = torch.finfo(operator.dtype).bits // 8
    room = available_bytes(operator.device) // 4
    return max(1, room // (steps * operator.dim * item))


def _chains(
    operator: Operator, known: Tensor, block: Tensor, *, steps: int
) -> tuple[Tensor, Tensor]:
    """Nodes and weights (b, steps) of b chains; an exhausted chain stops with weight 0."""
    block = _normalised(outside(known, block))[0]
    count = block.shape[0]
    basis = block.new_empty(count, steps, operator.dim)
    diagonal = torch.zeros(count, steps, dtype=torch.float64)
    beside = torch.zeros(count, steps, dtype=torch.float64)
    scale, norms = 0.0, block.new_zeros(count)
    for step in range(steps):
        basis[:, step] = block
        images = operator.matmat(block)
        along = (images * block).sum(1)
        diagonal[:, step] = along.double().cpu()
        scale = max(scale, float(images.norm(dim=1).max()))
        # The three-term recurrence takes out all but rounding; one pass over the basis that.
        images -= along[:, None] * block
        if step:
            images -= norms[:, None] * basis[:, step - 1]
        images = outside(known, images)
        so_far = basis[:, : step + 1]
        inside = torch.bmm(so_far, images[:, :, None])
        images = images.sub_(torch.bmm(inside.mT, so_far)[:, 0])
        block, norms = _normalised(images, floor=zero_level(images.dtype) * scale)
        beside[:, step] = norms.double().cpu()
    return _gauss_rules(diagonal, beside[:, :-1])


def _normalised(rows: Tensor, floor: float = 0.0) -> tuple[Tensor, Tensor]:
    """Unit rows and norms; rows not above the floor become zero and stay so."""
    norms = lengths(rows)
    norms = torch.where(norms > floor, norms, torch.zeros_like(norms))
    safe = torch.where(norms > 0, norms, torch.ones_like(norms))
    return torch.where(norms[:, None] > 0, rows / safe[:, None], torch.zeros_like(rows)), norms


def _gauss_rules(diagonal: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
    matrix = torch.diag_embed(diagonal)
    if beside.shape[1]:
        matrix = matrix + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    nodes, vectors = torch.linalg.eigh(matrix)
    return nodes, vectors[:, 0, :].square()
