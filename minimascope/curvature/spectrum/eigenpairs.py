"""What a route hands back, and the three routes: dense, exhausted Krylov space, Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import (
    Krylov,
    expand,
    krylov_space,
    random_rows,
    refill,
    ritz,
    ritz_images,
    ritz_vectors,
    thick_restart,
    zero_level,
)
from minimascope.curvature.krylov.saved_basis import keep, resume
from minimascope.curvature.krylov.trace import deflated_trace
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.clock import Progress
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_state import NOT_KEPT, Keeper
from minimascope.curvature.spectrum.route import Room
from minimascope.curvature.spectrum.wanted import LOWEST, Solved, Wanted, settled_pairs

Partial = Callable[[Tensor], None]  # takes the eigenvalues converged so far, descending
BLOCK = 64  # vectors multiplied together where the whole range is wanted
NOTHING_LEFT = 10  # zero levels: Frobenius norm outside the basis, as random probes see it
OWN_DIGITS = 1e-2  # residual over |λ| of a known pair; beyond, it may be a piece of the bulk
CHECK_ALWAYS = 64  # Lanczos steps up to which a look at the residuals costs next to nothing
CHECK_EVERY = 5  # steps between looks beyond


def unheard(values: Tensor) -> None:
    """Partial results that nobody waits for."""


@dataclass(frozen=True)
class Eigenpairs:
    """Top pairs (k, algebraically largest first) and every pair that was found beside them.

    `settled`: all of the top pairs have the residual asked for; `known` are those whose residual is
    small against their own eigenvalue too, so that taking them out leaves the rest as it was.
    `images`: H times the top vectors where that took no more products. `rule`: nodes and weights
    of the Gauss rule that the run itself is for its random start vector outside the known pairs,
    None where it is none.
    """

    values: Tensor
    vectors: Tensor
    known_values: Tensor
    known_vectors: Tensor
    complete: bool
    lambda_min: float
    trace: float | None
    trace_standard_error: float | None
    method: str
    settled: bool = True
    images: Tensor | None = None
    rule: tuple[Tensor, Tensor] | None = None


def dense_pairs(operator: Operator, *, top_k: int, progress: Progress) -> Eigenpairs:
    """All pairs from the p × p matrix, built by p products."""
    size = operator.dim
    identity = torch.eye(size, dtype=operator.dtype, device=operator.device)
    matrix = torch.empty_like(identity)
    for first in range(0, size, BLOCK):
        matrix[first : first + BLOCK] = operator.matmat(identity[first : first + BLOCK])
        progress(min(1.0, (first + BLOCK) / size) * 0.7, f"column {first} of {size}")
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    values, vectors = values.flip(0).double(), vectors.T.flip(0)
    method = f"All {size} eigenpairs of the dense {size} × {size} matrix."
    return _exact(values, vectors, top_k=top_k, dim=size, method=method)


def low_rank_pairs(
    operator: Operator,
    wanted: Wanted,
    *,
    capacity: int,
    run: Run,
    keeper: Keeper = NOT_KEPT,
) -> Eigenpairs | None:
    """All nonzero pairs of a matrix whose rank is below `capacity`, or of any where that is p.

    Where the rank is larger: the pairs that converged on the way, or None if the wanted ones are
    not among them.
    """
    first = random_rows(operator, width=max(BLOCK, wanted.top_k), seed=run.seed)
    state = krylov_space(first, capacity=capacity)
    resume(keeper, operator, state)
    seed_of_probe = run.seed + 1
    while state.size < state.basis.shape[0]:
        if state.block.shape[0]:
            expand(operator, state)
            keep(keeper, operator, state)
            run.progress(state.size / capacity, f"{state.size} directions of the range of H")
            continue
        left = refill(state, operator, width=4, seed=seed_of_probe)
        seed_of_probe += 1
        if _nothing(left, operator, state):
            break
    if state.size < capacity or state.size == operator.dim:
        return _exhausted(state, top_k=wanted.top_k, dim=operator.dim)
    # Whoever waits for the whole range waits for its lowest eigenvalue and trace as well.
    wanted = Wanted(wanted.top_k, wanted.tolerance)
    solved = ritz(state)
    if settled_pairs(state, wanted, solved)[0] < wanted.count:
        return None
    return _collect(operator, state, wanted, seed=run.seed, solved=solved)


def _nothing(left: float, operator: Operator, state: Krylov) -> bool:
    return left <= NOTHING_LEFT * zero_level(operator.dtype) * state.scale


def _exhausted(state: Krylov, *, top_k: int, dim: int) -> Eigenpairs:
    values, coordinates, _ = ritz(state)
    values, vectors = values.flip(0), ritz_vectors(state, coordinates.flip(1))
    method = f"Whole spectrum from an exhausted block Krylov space of dimension {state.size}"
    level = zero_level(vectors.dtype)
    zeros = f": the other {dim - state.size} of {dim} eigenvalues are zero to {level:.0e}·|λ1|."
    method += zeros * (state.size < dim)
    return _exact(values, vectors, top_k=top_k, dim=dim, method=method)


def _exact(values: Tensor, vectors: Tensor, *, top_k: int, dim: int, method: str) -> Eigenpairs:
    nonzero = values.abs() > zero_level(vectors.dtype) * values.abs().max()
    floor = 0.0 if values.shape[0] < dim else float("inf")
    return Eigenpairs(
        values=values[:top_k],
        vectors=vectors[:top_k],
        known_values=values[nonzero],
        known_vectors=vectors[nonzero.to(vectors.device)],
        complete=True,
        lambda_min=min(float(values[-1]), floor),
        trace=float(values.sum()),
        trace_standard_error=None,
        method=method,
    )


def lanczos_pairs(
    operator: Operator,
    wanted: Wanted,
    room: Room,
    *,
    run: Run,
    keeper: Keeper = NOT_KEPT,
    partial: Partial = unheard,
) -> Eigenpairs:
    """The wanted pairs by Lanczos, with thick restarts where the basis outgrows its room.

    `partial` hears of top eigenvalues when more of them have converged.
    """
    first = random_rows(operator, width=1, seed=run.seed)
    state = krylov_space(first, capacity=room.capacity, images=room.images)
    resume(keeper, operator, state)
    settled, told = 0, 0
    while settled < wanted.count and operator.products < room.limit and state.size < operator.dim:
        _make_room(state, operator, top_k=wanted.top_k)
        if not _advance(operator, state, seed=run.seed):
            break
        if state.size <= CHECK_ALWAYS or state.size % CHECK_EVERY == 0:
            settled, converged = settled_pairs(state, wanted)
            keep(keeper, operator, state)
            run.progress(settled / wanted.count, f"{settled} of {wanted.count} pairs converged")
            if converged.numel() > told:
                told = converged.numel()
                partial(converged)
    return _collect(operator, state, wanted, seed=run.seed)


def _advance(operator: Operator, state: Krylov, *, seed: int) -> bool:
    """One Lanczos step; False where nothing is left outside the basis."""
    if state.block.shape[0] == 0:
        left = refill(state, operator, width=1, seed=seed + state.size)
        if _nothing(left, operator, state):
            return False
    expand(operator, state)
    return True


def _make_room(state: Krylov, operator: Operator, *, top_k: int) -> None:
    if state.size + 1 > state.basis.shape[0] < operator.dim:
        keep = Wanted(top_k + (state.size - top_k) // 3, 1.0, LOWEST)
        thick_restart(state, keep.indices(state.size))


def _collect(
    operator: Operator,
    state: Krylov,
    wanted: Wanted,
    *,
    seed: int,
    solved: Solved | None = None,
) -> Eigenpairs:
    top_k, tolerance = wanted.top_k, wanted.tolerance
    values, coordinates, residuals = solved or ritz(state)
    order = values.argsort(descending=True)
    values, coordinates, residuals = values[order], coordinates[:, order], residuals[order]
    scale = values.abs().max()
    found = (residuals <= tolerance * scale) & (values.abs() > zero_level(operator.dtype) * scale)
    found &= residuals <= OWN_DIGITS * values.abs()
    trace, error = None, None
    if wanted.trace_probes:
        trace, error = deflated_trace(operator, state, probes=wanted.trace_probes, seed=seed)
    return Eigenpairs(
        values=values[:top_k],
        vectors=ritz_vectors(state, coordinates[:, :top_k]),
        known_values=values[found],
        known_vectors=ritz_vectors(state, coordinates[:, found]),
        complete=state.size == operator.dim,
        lambda_min=float(values[-1]),
        trace=trace,
        trace_standard_error=error,
        method=(
            f"Lanczos with full reorthogonalisation, {operator.products} products; the lowest "
            f"eigenvalue to a residual of {float(residuals[-1] / scale or 0.0):.1e}·|λ1|."
        ),
        images=ritz_images(state, coordinates[:, :top_k]),
        settled=bool((residuals[:top_k] <= tolerance * scale).all()),
        rule=_own_rule(state, values[~found], coordinates[:, ~found]),
    )


def _own_rule(state: Krylov, nodes: Tensor, coordinates: Tensor) -> tuple[Tensor, Tensor] | None:
    """The run as a quadrature probe: converged pairs taken out, it is the chain of what is left."""
    if state.width != 1 or state.restarted:
        return None
    weights = coordinates[0].square()
    total = weights.sum()
    return (nodes, weights / total) if float(total) > 0 else None
