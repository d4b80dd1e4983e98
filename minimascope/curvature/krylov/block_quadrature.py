"""Stochastic quadrature with probes that share one Krylov space, as far as the density needs it.

zⱼᵀ f(H) zⱼ ≈ Σ_k (zⱼᵀu_k)² f(θ_k), over all Ritz pairs (θ, u) of the space that the probes span
together. After s steps of the block it is exact for polynomials of degree 2s − 1, as the chain of
each probe alone is, and whatever sticks out of the spectrum converges in it, as it would in a
block Lanczos run, so that no steps are spent on it. It ends when the density smoothed by the bells
it will be shown with no longer moves against its own standard error.
Source: Golub and Meurant, Matrices, Moments and Quadrature, 2010, chapter 4 (block Gauss rules);
Chen, "The Lanczos algorithm for matrix functions: a handbook for scientists", 2024.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import Krylov, expand, krylov_space, orthonormal_rows, ritz
from minimascope.curvature.krylov.slq import ProbeSize, Quadrature, at_once, join, operator_rows
from minimascope.curvature.products.long_sums import outside
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.run import Run

BLUR = 1.5  # Gauss nodes of m steps lie about 1/m of the range apart; finer bells show them singly
FEWEST = 3  # steps before a first look
STILL = 0.2  # of the standard error, both integrated: what the last step may have moved
REACH = 3.0  # bells beyond the range, where its density is looked at
Rule = tuple[Tensor, Tensor]  # nodes (m,) that all probes share, weights (b, m)


def block_quadrature(
    operator: Operator, known_vectors: Tensor | None, *, size: ProbeSize, run: Run
) -> Quadrature:
    """Rules of `size.probes` random unit vectors outside known pairs.

    The density is resolved as finely as by `size.steps` steps of plain Lanczos: to
    BLUR/`size.steps` of the range. At most so many steps are made, mostly a quarter of them.
    Probes whose vectors do not fit into memory together come in several blocks.
    """
    known = operator_rows(operator, known_vectors)
    rest = operator.dim - known.shape[0]
    probes, steps = max(1, min(size.probes, rest)), max(1, min(size.steps, rest))
    within = replace(operator, apply=lambda rows: outside(known, operator.apply(rows)))
    width = at_once(operator, steps)
    found: Quadrature | None = None
    for first in range(0, probes, width):
        count = min(width, probes - first)
        state = _begun(operator, known, count, steps=steps, seed=run.seed + first)
        nodes, weights = _settled(within, state, steps, size.steps)
        one = Quadrature(nodes.expand(count, -1), weights, rest, size.steps)
        found = one if found is None else join(found, one)
        run.progress((first + count) / probes, f"{first + count} of {probes} probes")
    assert found is not None
    return found


def _begun(operator: Operator, known: Tensor, count: int, *, steps: int, seed: int) -> Krylov:
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    rows = torch.randn(count, operator.dim, generator=generator, **like)
    for _ in range(2):  # what QR of long rows leaves along the known ones
        rows = orthonormal_rows(outside(known, rows))
    return krylov_space(rows, capacity=min(count * steps, operator.dim - len(known)))


def _settled(operator: Operator, state: Krylov, most: int, fine: int) -> Rule:
    """The rule after as many steps as it takes to lie still, after `most` at the latest."""
    rule: Rule | None = None
    for step in range(1, most + 1):
        expand(operator, state)
        if step < min(FEWEST, most) and _goes_on(state):
            continue
        before, rule = rule, _rule(state)
        if not _goes_on(state) or (before and _still(before, rule, BLUR / fine)):
            break
    assert rule is not None
    return rule


def _goes_on(state: Krylov) -> bool:
    return state.block.shape[0] > 0 and state.size < state.basis.shape[0]


def _rule(state: Krylov) -> Rule:
    values, coordinates, _ = ritz(state)
    return values, coordinates[: state.width].square()


def _still(before: Rule, now: Rule, width: float) -> bool:
    """Whether the smoothed mean moved by less than `STILL` of its standard error."""
    probes, scale = len(now[1]), float(now[0].abs().max())
    if probes < 2 or scale == 0:
        return scale == 0
    end = math.asinh(1) + REACH * width
    places = torch.linspace(-end, end, round(4 * end / width), dtype=torch.float64)
    samples = _bells(places, now, scale, width)
    moved = (samples.mean(0) - _bells(places, before, scale, width).mean(0)).abs().sum()
    return bool(moved <= STILL * samples.std(0).sum() / probes**0.5)


def _bells(places: Tensor, rule: Rule, scale: float, width: float) -> Tensor:
    """Density of every probe (b, places), but for a factor, over asinh(λ/scale)."""
    nodes, weights = rule
    distance = (torch.asinh(nodes / scale)[:, None] - places) / width
    return weights @ torch.exp(-0.5 * distance.square())
