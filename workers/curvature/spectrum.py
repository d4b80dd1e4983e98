"""The Hessian spectrum of a minimum by the cheapest exact route, or by Lanczos with residuals.

Which route is taken is said in `routes`, what it will cost in `planner`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.eigenpairs import (
    Eigenpairs,
    Progress,
    dense_pairs,
    lanczos_pairs,
    low_rank_pairs,
)
from workers.curvature.graphs import forward
from workers.curvature.minimum import Minimum
from workers.curvature.operators import Operator, hessian
from workers.curvature.routes import LIMIT, choose_route, lanczos_capacity, low_rank_capacity


@dataclass(frozen=True)
class Spectrum:
    """Eigenpairs of H with their errors.

    eigenvalues (k,) descending; eigenvectors (k, p) unit rows, largest |component| positive;
    residuals (k,) = ‖Hv − λv‖/|λ1| from one product each after the fact; converged (k,) bool.
    known_eigenvalues (r,) descending with known_eigenvectors (r, p): all pairs found. `complete`
    means that every eigenvalue not among them is zero to 1e-13·|λ1| (5e-5 in float32). λ1 in these
    ratios is the eigenvalue of largest magnitude. trace_standard_error is None
    where the trace is exact.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    residuals: Tensor
    converged: Tensor
    lambda_min: float
    trace: float
    trace_standard_error: float | None
    method: str
    products: int
    known_eigenvalues: Tensor
    known_eigenvectors: Tensor | None
    complete: bool


def silent(fraction: float, sentence: str) -> None:
    """Progress that nobody follows."""


def compute_spectrum(
    minimum: Minimum,
    *,
    top_k: int = 10,
    tolerance: float = 1e-6,
    seed: int = 0,
    progress: Progress = silent,
) -> Spectrum:
    """Top `top_k` eigenpairs of H (mean loss, no weight decay), and more where it costs little.

    `progress(fraction, sentence)` is called after every block of products. Raises ValueError for
    top_k < 1, for a tolerance outside (0, 1), for parameters, inputs or products that are not
    finite.
    """
    operator = hessian(minimum)
    outputs = forward(minimum, minimum.unflatten(minimum.theta), slice(0, 1)).shape[1]
    return operator_spectrum(
        operator,
        examples=minimum.n,
        rank_hint=minimum.n * outputs,
        top_k=top_k,
        tolerance=tolerance,
        seed=seed,
        progress=progress,
    )


def operator_spectrum(
    operator: Operator,
    *,
    examples: int = 1,
    rank_hint: int | None = None,
    top_k: int = 10,
    tolerance: float = 1e-6,
    seed: int = 0,
    progress: Progress = silent,
) -> Spectrum:
    """`compute_spectrum` for any symmetric operator.

    `rank_hint` is about the rank that is expected (n·K for a loss); None expects full rank.
    """
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}; at least one eigenpair has to be asked for.")
    if not 0 < tolerance < 1:
        raise ValueError(f"The tolerance is {tolerance}; it must lie between 0 and 1.")
    top_k = min(top_k, operator.dim)
    pairs: Eigenpairs | None = None
    route = choose_route(operator.dim, examples=examples, rank_hint=rank_hint)
    if route == "low_rank":
        pairs = low_rank_pairs(
            operator,
            top_k=top_k,
            tolerance=_reachable(tolerance, operator),
            capacity=low_rank_capacity(operator),
            seed=seed,
            progress=progress,
        )
        route = choose_route(operator.dim, examples=examples)
        if pairs is not None and not pairs.complete and route == "dense":
            pairs = None  # the rank was too large, and the dense matrix still gives all of it
    if pairs is None and route == "dense":
        pairs = dense_pairs(operator, top_k=top_k, progress=progress)
    if pairs is None:
        pairs = lanczos_pairs(
            operator,
            top_k=top_k,
            tolerance=_reachable(tolerance, operator),
            capacity=lanczos_capacity(operator, top_k),
            limit=operator.products + LIMIT,
            seed=seed,
            progress=progress,
        )
    return _certified(operator, pairs, tolerance=tolerance)


def _reachable(tolerance: float, operator: Operator) -> float:
    """Where to stop: waiting for residuals below the products' own rounding would be endless."""
    return max(tolerance, 50 * torch.finfo(operator.dtype).eps)


def _certified(operator: Operator, pairs: Eigenpairs, *, tolerance: float) -> Spectrum:
    """Fixes signs and recomputes every residual with one more product a pair."""
    vectors = fix_signs(pairs.vectors)
    scale = max(abs(float(pairs.values[0])), abs(pairs.lambda_min))
    images = operator.matmat(vectors)
    values = pairs.values.to(vectors.device)
    errors = (images - values[:, None].to(images.dtype) * vectors).norm(dim=1).double().cpu()
    residuals = errors / (scale or 1.0)
    return Spectrum(
        eigenvalues=pairs.values.cpu(),
        eigenvectors=vectors,
        residuals=residuals,
        converged=residuals <= tolerance,
        lambda_min=pairs.lambda_min,
        trace=pairs.trace,
        trace_standard_error=pairs.trace_standard_error,
        method=pairs.method,
        products=operator.products,
        known_eigenvalues=pairs.known_values.cpu(),
        known_eigenvectors=fix_signs(pairs.known_vectors),
        complete=pairs.complete,
    )


def fix_signs(vectors: Tensor) -> Tensor:
    """Rows with their component of largest magnitude made positive."""
    if vectors.shape[0] == 0:
        return vectors
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors)
