"""What a route hands back, and the three routes: dense, exhausted Krylov space, Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature import krylov
from workers.curvature.krylov import Krylov, zero_level
from workers.curvature.operators import Operator
from workers.curvature.trace import deflated_trace

Progress = Callable[[float, str], None]
BLOCK = 64  # vectors multiplied together where the whole range is wanted
NOTHING_LEFT = 10  # zero levels: Frobenius norm outside the basis, as random probes see it
LOWEST = 1e-4  # residual of λ_min: at the edge of the bulk, it would take most of the products
CHECK_EVERY = 5  # Lanczos steps between looks at the Ritz residuals


@dataclass(frozen=True)
class Eigenpairs:
    """Top pairs (k, algebraically largest first) and every pair that was found beside them."""

    values: Tensor
    vectors: Tensor
    known_values: Tensor
    known_vectors: Tensor
    complete: bool
    lambda_min: float
    trace: float
    trace_standard_error: float | None
    method: str


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
    *,
    top_k: int,
    tolerance: float,
    capacity: int,
    seed: int,
    progress: Progress,
) -> Eigenpairs | None:
    """All nonzero pairs of a matrix whose rank is below `capacity`.

    Where the rank is larger: the pairs that converged on the way, or None if the wanted ones are
    not among them.
    """
    state = krylov.start(operator, width=max(BLOCK, top_k), capacity=capacity, seed=seed)
    seed_of_probe = seed + 1
    while state.size + state.block.shape[0] < capacity:
        if state.block.shape[0]:
            krylov.expand(operator, state)
            progress(state.size / capacity, f"{state.size} directions of the range of H")
            continue
        left = krylov.refill(state, operator, width=4, seed=seed_of_probe)
        seed_of_probe += 1
        if _nothing(left, operator, state):
            return _exhausted(state, top_k=top_k, dim=operator.dim)
    if _settled(state, top_k=top_k, tolerance=tolerance) <= top_k:
        return None
    return _collect(operator, state, top_k=top_k, tolerance=tolerance, seed=seed)


def _nothing(left: float, operator: Operator, state: Krylov) -> bool:
    return left <= NOTHING_LEFT * zero_level(operator.dtype) * state.scale


def _exhausted(state: Krylov, *, top_k: int, dim: int) -> Eigenpairs:
    values, coordinates, _ = krylov.ritz(state)
    values, vectors = values.flip(0), krylov.ritz_vectors(state, coordinates.flip(1))
    method = (
        f"Whole spectrum from an exhausted block Krylov space of dimension {state.size}: "
        f"the other {dim - state.size} of {dim} eigenvalues are zero."
    )
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
    *,
    top_k: int,
    tolerance: float,
    capacity: int,
    limit: int,
    seed: int,
    progress: Progress,
) -> Eigenpairs:
    """The top pairs to a residual of `tolerance`·|λ1|, the lowest eigenvalue to at least 1e-4.

    `capacity` vectors are kept at once (thick restart beyond), `limit` products are done at most.
    """
    state = krylov.start(operator, width=1, capacity=capacity, seed=seed)
    settled = 0
    while settled < top_k + 1 and operator.products < limit and state.size < operator.dim:
        _make_room(state, operator, top_k=top_k)
        if not _advance(operator, state, seed=seed):
            break
        if state.size % CHECK_EVERY == 0 or state.size == operator.dim:
            settled = _settled(state, top_k=top_k, tolerance=tolerance)
            progress(
                settled / (top_k + 1),
                f"{settled} of {top_k + 1} pairs converged after {operator.products} products",
            )
    return _collect(operator, state, top_k=top_k, tolerance=tolerance, seed=seed)


def _advance(operator: Operator, state: Krylov, *, seed: int) -> bool:
    """One Lanczos step; False where nothing is left outside the basis."""
    if state.block.shape[0] == 0:
        left = krylov.refill(state, operator, width=1, seed=seed + state.size)
        if _nothing(left, operator, state):
            return False
    krylov.expand(operator, state)
    return True


def _make_room(state: Krylov, operator: Operator, *, top_k: int) -> None:
    if state.size + 1 > state.basis.shape[0] < operator.dim:
        ends = _wanted(state.size, top_k=top_k + (state.size - top_k) // 3)
        krylov.thick_restart(state, ends)


def _wanted(size: int, *, top_k: int) -> Tensor:
    """Indices of the lowest and the `top_k` highest of `size` ascending Ritz values."""
    return torch.unique(torch.tensor([0, *range(max(0, size - top_k), size)]))


def _settled(state: Krylov, *, top_k: int, tolerance: float) -> int:
    values, _, residuals = krylov.ritz(state)
    if state.size == state.basis.shape[1]:
        return top_k + 1
    wanted = _wanted(state.size, top_k=top_k)
    limits = torch.full((wanted.numel(),), tolerance, dtype=torch.float64)
    limits[0] = max(tolerance, LOWEST)
    good = residuals[wanted] <= limits * values.abs().max()
    return int(good.sum()) if state.size > top_k else 0


def _collect(
    operator: Operator, state: Krylov, *, top_k: int, tolerance: float, seed: int
) -> Eigenpairs:
    values, coordinates, residuals = krylov.ritz(state)
    order = values.argsort(descending=True)
    values, coordinates, residuals = values[order], coordinates[:, order], residuals[order]
    scale = values.abs().max()
    found = (residuals <= tolerance * scale) & (values.abs() > zero_level(operator.dtype) * scale)
    trace, error = deflated_trace(operator, state, seed=seed)
    return Eigenpairs(
        values=values[:top_k],
        vectors=krylov.ritz_vectors(state, coordinates[:, :top_k]),
        known_values=values[found],
        known_vectors=krylov.ritz_vectors(state, coordinates[:, found]),
        complete=state.size == operator.dim,
        lambda_min=float(values[-1]),
        trace=trace,
        trace_standard_error=error,
        method=(
            f"Lanczos with full reorthogonalisation, {operator.products} products; the lowest "
            f"eigenvalue to a residual of {float(residuals[-1] / scale or 0.0):.1e}·|λ1|."
        ),
    )
