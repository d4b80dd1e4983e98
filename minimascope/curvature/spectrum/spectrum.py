"""The Hessian spectrum of a minimum by the cheapest exact route, or by Lanczos with residuals.

Which route is taken is said in `route`, what it will cost in `plan`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.graphs import forward
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import COARSE, coarse_hessian, rounding_of
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_state import NOT_KEPT, Keeper
from minimascope.curvature.spectrum.eigenpairs import (
    Eigenpairs,
    Partial,
    dense_pairs,
    lanczos_pairs,
    low_rank_pairs,
    unheard,
)
from minimascope.curvature.spectrum.route import (
    Route,
    choose_route,
    lanczos_room,
    low_rank_capacity,
)
from minimascope.curvature.spectrum.wanted import Wanted


@dataclass(frozen=True)
class Spectrum:
    """Eigenpairs of H with their errors.

    eigenvalues (k,) descending; eigenvectors (k, p) unit rows, largest |component| positive;
    residuals (k,) = ‖Hv − λv‖/|λ1|, recomputed from products with H, not from the recurrence;
    converged (k,) bool. known_eigenvalues (r,) descending with known_eigenvectors (r, p): all
    pairs found. `complete` means that every eigenvalue not among them is zero to 1e-13·|λ1| (5e-5
    in float32). λ1 in these ratios is the eigenvalue of largest magnitude. trace_standard_error is
    None where the trace is exact, the trace where it was not asked for. `rule` (nodes and weights
    of the run as a quadrature probe) and `operator` (with its graphs) serve the density where it
    needs products.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    residuals: Tensor
    converged: Tensor
    lambda_min: float
    trace: float | None
    trace_standard_error: float | None
    method: str
    products: int
    known_eigenvalues: Tensor
    known_eigenvectors: Tensor | None
    complete: bool
    rule: tuple[Tensor, Tensor] | None = field(default=None, repr=False)
    operator: Operator | None = field(default=None, repr=False, compare=False)


def compute_spectrum(
    minimum: Minimum,
    wanted: Wanted = Wanted(),
    *,
    run: Run = Run(),
    operator: Operator | None = None,
    partial: Partial = unheard,
) -> Spectrum:
    """The wanted top eigenpairs of H (mean loss, no weight decay), and more where it costs little.

    `run.progress` is called after every block of products. The Krylov state is kept in
    `run.state_path` every few seconds and removed at the end: the same call after a crash goes on
    from there (the dense route, half a minute at most, starts again). `operator` is this minimum's
    Hessian where it has been built before. `partial` hears of top eigenvalues as they converge.
    Raises ValueError for top_k < 1, for a tolerance outside (0, 1), for parameters, inputs or
    products that are not finite.

    Lanczos for a float64 minimum multiplies in float32 where the tolerance is 1e-4 or more;
    residuals then include what that took from them (`precision.rounding_of`), and where they are
    too large, or float32 overflows, all is done again in float64.
    """
    rank = rank_hint(minimum)
    operator = operator or spectrum_operator(minimum, wanted, rank_hint=rank)
    keeper = NOT_KEPT
    if run.state_path:
        keeper = Keeper(run.state_path, fingerprint(minimum, seed=run.seed))

    def found_with(operator: Operator) -> Spectrum:
        route = choose_route(
            operator.dim,
            graph_bytes=operator.graph_bytes,
            rank_hint=rank,
            whole=wanted.whole,
        )
        return operator_spectrum(
            operator, wanted, route=route, run=run, keeper=keeper, partial=partial
        )

    if not operator.arithmetic:
        found = found_with(operator)
        return found if operator.dtype == torch.float64 else _in_own_precision(found)
    try:
        found = _doubted(found_with(operator), operator, minimum, tolerance=wanted.tolerance)
        if found.converged.all():
            return found
    except ValueError:
        run.progress(0.0, "float32 overflows; once more in float64")
    return found_with(replace(hessian(minimum), counter=operator.counter))


def rank_hint(minimum: Minimum) -> int:
    """About the rank that H has on little data: n·K."""
    return minimum.n * forward(minimum, minimum.unflatten(minimum.theta), slice(0, 1)).shape[1]


def spectrum_operator(minimum: Minimum, wanted: Wanted, *, rank_hint: int) -> Operator:
    """H as `compute_spectrum` multiplies it where it is not given."""
    if wanted.tolerance < COARSE:
        return hessian(minimum)
    operator = coarse_hessian(minimum, wanted.tolerance)
    ratio = minimum.theta.element_size() * 8 // torch.finfo(operator.dtype).bits
    graph_bytes = ratio * operator.graph_bytes  # the route is that of the minimum's own dtype
    route = choose_route(
        minimum.dim, graph_bytes=graph_bytes, rank_hint=rank_hint, whole=wanted.whole
    )
    return operator if route == "lanczos" else hessian(minimum)


def _in_own_precision(found: Spectrum) -> Spectrum:
    """Says what residuals of a float32 minimum are about: ReLU at zero may branch otherwise there.

    On a trained ResNet-18 that made 2e-6·|λ1| on the leading eigenvector.
    """
    return replace(found, method=f"{found.method} Residuals are those of H in float32.")


def _doubted(
    found: Spectrum, operator: Operator, minimum: Minimum, *, tolerance: float
) -> Spectrum:
    """Residuals from float32 products with what float64 says of them added."""
    rounding = rounding_of(operator, minimum, found.eigenvectors)
    scale = max(abs(float(found.eigenvalues[0])), abs(found.lambda_min)) or 1.0
    residuals = found.residuals + rounding / scale
    return replace(
        found,
        residuals=residuals,
        converged=residuals <= tolerance,
        method=f"{found.method} Products in float32, {rounding / scale:.1e}·|λ1| from float64.",
    )


def operator_spectrum(
    operator: Operator,
    wanted: Wanted = Wanted(),
    *,
    route: Route | None = None,
    run: Run = Run(),
    keeper: Keeper = NOT_KEPT,
    partial: Partial = unheard,
) -> Spectrum:
    """`compute_spectrum` for any symmetric operator.

    The `route` is chosen by `choose_route`, expecting full rank, where none is given.
    """
    wanted.check()
    top_k = min(wanted.top_k, operator.dim)
    reachable = wanted.reachable(operator.dim, operator.dtype)
    pairs: Eigenpairs | None = None
    if route is None:
        route = choose_route(operator.dim, graph_bytes=operator.graph_bytes, whole=wanted.whole)
    if route == "low_rank":
        capacity = low_rank_capacity(operator)
        pairs = low_rank_pairs(operator, reachable, capacity=capacity, run=run, keeper=keeper)
    if route == "dense":
        pairs = dense_pairs(operator, top_k=top_k, progress=run.progress)
    if pairs is None:
        room = lanczos_room(operator, top_k)
        pairs = lanczos_pairs(operator, reachable, room, run=run, keeper=keeper, partial=partial)
    found = _certified(operator, pairs, tolerance=wanted.tolerance)
    keeper.forget()
    return found


def _certified(operator: Operator, pairs: Eigenpairs, *, tolerance: float) -> Spectrum:
    """Fixes signs and recomputes every residual, with a product a pair if images were not kept."""
    signs = _signs(pairs.vectors)
    vectors = pairs.vectors * signs
    scale = max(abs(float(pairs.values[0])), abs(pairs.lambda_min))
    images = operator.matmat(vectors) if pairs.images is None else pairs.images * signs
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
        rule=pairs.rule,
        operator=None if pairs.complete else operator,
    )


def fix_signs(vectors: Tensor) -> Tensor:
    """Rows with their component of largest magnitude made positive."""
    return vectors * _signs(vectors)


def _signs(vectors: Tensor) -> Tensor:
    """Column of ±1, one a row."""
    if vectors.shape[0] == 0:
        return vectors.new_ones(0, 1)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -1.0, 1.0).to(vectors)
