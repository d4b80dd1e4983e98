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

from minimascope.curvature.krylov.gauss import gauss_weights
from minimascope.curvature.krylov.lockstep import begin
from minimascope.curvature.products.graphs import available_bytes
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.run import Run


@dataclass(frozen=True)
class ProbeSize:
    """So many random probes of so many Lanczos steps: probes·steps products."""

    probes: int = 8
    steps: int = 40


@dataclass(frozen=True)
class Quadrature:
    """Gauss rules of unit probes: nodes and weights (probes, steps), weights summing to 1.

    `dim` is the dimension of the space the probes were drawn from, p − r. Eigenvalues are told
    apart as by `steps` of the shortest chain. Shorter ones are filled up with nodes of weight 0.
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
    size: ProbeSize,
    run: Run,
) -> Quadrature:
    """Runs Lanczos chains side by side, orthogonal to known pairs."""
    known = operator_rows(operator, known_vectors)
    rest = operator.dim - known.shape[0]
    probes, steps = max(1, size.probes), max(1, min(size.steps, rest))
    generator = torch.Generator(device=operator.device).manual_seed(run.seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    width = at_once(operator, steps)
    rules: list[tuple[Tensor, Tensor]] = []

    for first in range(0, probes, width):
        count = min(width, probes - first)
        probe = torch.randn(count, operator.dim, generator=generator, **like)
        runs = begin(operator.matmat, probe, known=known, reorthogonalised=steps)
        for _ in range(steps):
            runs.advance()
        values, vectors = runs.rules()
        rules.append((values.cpu(), gauss_weights(vectors).cpu()))
        run.progress((first + count) / probes, f"{first + count} of {probes} probes")
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


def at_once(operator: Operator, steps: int) -> int:
    """How many chains of so many steps memory holds the vectors of."""
    item = torch.finfo(operator.dtype).bits // 8
    room = available_bytes(operator.device) // 4
    return max(1, room // (steps * operator.dim * item))
