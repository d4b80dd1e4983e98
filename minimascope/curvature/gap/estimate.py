"""Generalization gap (test − train mean loss) from curvature at a minimum.

Definitions, routes and verdict rules: docs/mathematics.md, section 3. One sweep over λ feeds all
numbers; a random estimate carries its standard error, a quantity that is not known is None.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from minimascope.curvature.gap.assembly import assemble
from minimascope.curvature.gap.calibration import reliability
from minimascope.curvature.gap.damping import effective_damping, lambda_grid, neighbours
from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.result import GapPlan, GapResult
from minimascope.curvature.layers.gram import gram_cost, trace_seconds
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.directional import mean_gradient_of
from minimascope.curvature.products.ggn_product import GgnProducts
from minimascope.curvature.running.clock import Clock, Progress, silent
from minimascope.curvature.running.durations import duration
from minimascope.curvature.sweep.exact import dual_resolvent, exact_sweep, primal_resolvent
from minimascope.curvature.sweep.matrix_free import LONGEST, matrix_free_sweep
from minimascope.curvature.sweep.result import Sweep
from minimascope.curvature.sweep.route import (
    MEMORY_BYTES,
    Route,
    RoutePlan,
    choose_route,
    dual_operations,
    exact_seconds,
    primal_operations,
    usual_vectors,
)
from minimascope.objective.likelihood import Likelihood, likelihood_of

SMALLEST_RIDGE = 1e-6
SWEEP = (0.05, 0.7)  # of the progress bar


def estimate_gap(
    minimum: Minimum,
    *,
    test: tuple[Tensor, Tensor] | None = None,
    weight_decay: float | None = None,
    lr: float | None = None,
    momentum: float | None = None,
    steps: int | None = None,
    lambdas: Sequence[float] = (),
    hessian_eigenvalues: Tensor | None = None,
    hessian_eigenvectors: Tensor | None = None,
    seed: int = 0,
    progress: Progress = silent,
    route: Route | None = None,
    memory_bytes: int = MEMORY_BYTES,
    longest: float = LONGEST,
    state_path: Path | None = None,
) -> GapResult:
    """Estimates, curves over λ, diagnostics and the verdict for one minimum.

    In float64, but for the products of the matrix-free route, which keep the precision of the
    minimum. That route ends after `longest` seconds with as many examples as it had time for;
    `state_path` keeps what it finished, and the same run, killed on the way, goes on from there.

    hessian_eigenvalues are all nonzero eigenvalues of H (mean loss, without λ), known exactly,
    with hessian_eigenvectors as rows (r × p); without them H₊ quantities are None and the Newton
    decrement uses the GGN. `progress` is called with a fraction and a message. `route` overrides
    the planner. Raises ValueError with the offending value on bad input.
    """
    damping = effective_damping(weight_decay=weight_decay, lr=lr, momentum=momentum, steps=steps)
    grid = lambda_grid(damping.value, lambdas)
    if minimum.n < 2:
        raise ValueError(
            f"The training set has {minimum.n} example: leave-one-out needs at least 2."
        )
    if test is not None and test[0].shape[0] < 2:
        raise ValueError(f"The test set has {test[0].shape[0]} of at least 2 examples.")
    if test is not None and test[0].shape[1:] != minimum.inputs.shape[1:]:
        raise ValueError(
            f"Test inputs have shape {tuple(test[0].shape[1:])} an example, training inputs "
            f"{tuple(minimum.inputs.shape[1:])}."
        )
    given, minimum = minimum, _double(minimum)
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    chosen = _route(minimum, likelihood, route, memory_bytes)
    ridge = None if weight_decay is None else max(weight_decay, SMALLEST_RIDGE)
    sweep, spent = _sweep(
        given if chosen.operations is None else minimum,
        likelihood,
        _sweep_lambdas(grid, damping.value),
        plan=chosen,
        weight_decay=weight_decay,
        ridge=ridge,
        lambda_eff=damping.value,
        seed=seed,
        longest=longest,
        state_path=state_path,
        progress=progress,
    )
    progress(SWEEP[1], "estimates, baselines and diagnostics")
    gradient = mean_gradient_of(minimum)
    return assemble(
        Assembly(
            minimum=minimum,
            likelihood=likelihood,
            sweep=sweep,
            damping=damping,
            weight_decay=weight_decay,
            ridge=ridge,
            grid=grid,
            gradient=gradient,
            hessian_eigenvalues=hessian_eigenvalues,
            hessian_eigenvectors=hessian_eigenvectors,
            calibration=None if minimum.loss == "mse" else reliability(likelihood),
            seed=seed,
            plan=chosen,
            spent=spent,
        ),
        test=test,
    )


def _route(
    minimum: Minimum, likelihood: Likelihood, wanted: Route | None, memory_bytes: int
) -> RoutePlan:
    cost = gram_cost(minimum)
    if wanted is None:
        return choose_route(
            likelihood.n, likelihood.outputs, minimum.dim, gram=cost, memory_bytes=memory_bytes
        )
    rows = likelihood.n * likelihood.outputs
    counts = {
        "primal": primal_operations(rows, minimum.dim),
        "dual": dual_operations(rows, cost),
        "matrix_free": None,
    }
    return RoutePlan(wanted, "Route chosen by the caller.", counts[wanted])


def _sweep(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    *,
    plan: RoutePlan,
    weight_decay: float | None,
    ridge: float | None,
    lambda_eff: float | None,
    seed: int,
    longest: float,
    state_path: Path | None,
    progress: Progress,
) -> tuple[Sweep, GapPlan]:
    start = Clock(longest, lambda x, said: progress(SWEEP[0] + (SWEEP[1] - SWEEP[0]) * x, said))
    if plan.operations is None:
        products = GgnProducts(minimum)
        needed = products.seconds * usual_vectors(minimum.n)
        planned = min(needed, longest)
        progress(SWEEP[0], _matrix_free_sentence(needed, longest))
        sweep = matrix_free_sweep(
            products,
            likelihood,
            lambdas,
            weight_decay=weight_decay,
            newton_ridge=ridge,
            lambda_eff=lambda_eff,
            seed=seed,
            clock=start,
            state_path=state_path,
        )
    else:
        planned = exact_seconds(plan.operations, minimum.inputs.device)
        planned += trace_seconds(minimum, once=plan.route == "primal")
        progress(SWEEP[0], f"{plan.route} route over λ, about {duration(planned)} planned")
        build = primal_resolvent if plan.route == "primal" else dual_resolvent
        try:
            sweep = exact_sweep(
                build(minimum, likelihood),
                likelihood,
                lambdas,
                weight_decay=weight_decay,
                newton_ridge=ridge,
            )
        except torch.linalg.LinAlgError as error:
            raise ValueError(_overflowing(minimum, likelihood)) from error
    seconds = start.used if sweep.seconds is None else sweep.seconds
    return sweep, GapPlan(planned, seconds, sweep.products)


def _matrix_free_sentence(needed: float, longest: float) -> str:
    said = f"matrix-free route, about {duration(needed)} for 10% standard error"
    if needed <= longest:
        return said
    return f"{said}, more than the {duration(longest)} it may take: fewer examples, larger error"


def _overflowing(minimum: Minimum, likelihood: Likelihood) -> str:
    return (
        "The curvature could not be factorised in double precision: the largest logit is "
        f"{float(likelihood.logits.abs().max()):.3g} and the largest weight "
        f"{float(minimum.theta.abs().max()):.3g}; has the training diverged?"
    )


def _sweep_lambdas(grid: list[float], lambda_eff: float | None) -> Tensor:
    points = set(grid)
    if lambda_eff is not None:
        points |= {lambda_eff, *neighbours(lambda_eff)}
    return torch.tensor(sorted(points), dtype=torch.float64)


def _double(minimum: Minimum) -> Minimum:
    if all(q.dtype == torch.float64 for q in minimum.network.parameters()):
        return minimum
    network = copy.deepcopy(minimum.network)
    return prepare(
        network, minimum.inputs, minimum.targets, loss=minimum.loss, device=minimum.inputs.device
    )
