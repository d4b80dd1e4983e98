"""Generalization gap (test − train mean loss) from curvature at a minimum.

Definitions, routes and verdict rules: docs/mathematics.md, section 3. One sweep over λ feeds all
numbers; a random estimate carries its standard error, a quantity that is not known is None.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.gap.assembly import assemble
from minimascope.curvature.gap.calibration import reliability
from minimascope.curvature.gap.given import Assembly
from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.lambda_grid import lambda_grid, neighbours
from minimascope.curvature.gap.result import GapPlan, GapResult
from minimascope.curvature.gap.sequences import gap_of_sequences, too_many_logits
from minimascope.curvature.gap.training import Training
from minimascope.curvature.layers.gram import gram_cost, trace_seconds
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.copies import alone, originals
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.single import single
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.graphs import planned_bytes
from minimascope.curvature.products.metric import metric_at
from minimascope.curvature.running.clock import Clock, Progress, part
from minimascope.curvature.running.durations import duration
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep.exact import dual_sweep, primal_sweep
from minimascope.curvature.sweep.matrix_free import matrix_free_sweep
from minimascope.curvature.sweep.result import Sweep
from minimascope.curvature.sweep.route import (
    Budget,
    RoutePlan,
    choose_route,
    dual_operations,
    exact_seconds,
    flow_operations,
    left_out_operations,
    primal_operations,
    shared_vectors,
    vectors_of_examples,
)
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Metric

SWEEP = (0.05, 0.7)  # of the progress bar

Split = tuple[Tensor, Tensor]


def estimate_gap(
    minimum: Minimum,
    *,
    test: Split | None = None,
    lambdas: Sequence[float] = (),
    hessian: KnownHessian | None = None,
    budget: Budget = Budget(),
    run: Run = Run(),
) -> GapResult:
    """Estimates, curves over λ, diagnostics and the verdict for one minimum of its objective.

    In float64, but for the products of the matrix-free route, which keep the precision of the
    minimum. That route ends when `budget.seconds` are over with as many examples as it had time
    for; `run.state_path` keeps what it finished, and the same run, killed on the way, goes on from
    there. Without `hessian` H₊ quantities are
    None and the Newton decrement uses the GGN. Raises ValueError with the offending value on bad
    input.
    """
    _check_sizes(minimum, test)
    given, minimum = minimum, _double(minimum)
    if too_many_logits(minimum):
        told = {"test": test, "lambdas": lambdas, "hessian": hessian}
        return gap_of_sequences(given, minimum, **told, budget=budget, run=run)
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    metric = metric_at(minimum, seed=run.seed)
    lambda_eff = metric.damping.value
    grid = lambda_grid(lambda_eff, lambdas)
    plan = _route(minimum, likelihood, budget)
    at = _sweep_lambdas(grid, lambda_eff)
    if plan.operations is None and minimum.groups is not None:
        raise ValueError(_too_many_copies(minimum, plan))
    if plan.operations is None:
        sweep, spent = _matrix_free(given, likelihood, at, metric, budget, run)
    else:
        sweep, spent = _exact(minimum, likelihood, at, metric, plan, run.progress)
    run.progress(SWEEP[1], "estimates, baselines and diagnostics")
    # Originals stand for themselves: their copies were there for the curvature.
    rows = originals(minimum)
    plain = likelihood if minimum.groups is None else likelihood.select(rows)
    return assemble(
        Assembly(
            minimum=minimum if minimum.groups is None else alone(minimum, rows),
            likelihood=plain,
            metric=metric,
            sweep=sweep,
            grid=grid,
            gradient=mean_gradient(minimum),
            hessian=hessian,
            calibration=reliability(plain) if minimum.loss.classifies else None,
            seed=run.seed,
            plan=plan,
            spent=spent,
            training=Training.of(minimum),
        ),
        test=test,
    )


def _check_sizes(minimum: Minimum, test: Split | None) -> None:
    if minimum.n < 2:
        raise ValueError(
            f"The training set has {minimum.n} example: leave-one-out needs at least 2."
        )
    if minimum.groups is not None and originals(minimum).shape[0] < 2:
        raise ValueError(
            "All training examples are copies of one original: leave-one-out needs at least 2."
        )
    if test is not None and test[0].shape[0] < 2:
        raise ValueError(f"The test set has {test[0].shape[0]} of at least 2 examples.")
    if test is not None and test[0].shape[1:] != minimum.inputs.shape[1:]:
        raise ValueError(
            f"Test inputs have shape {tuple(test[0].shape[1:])} an example, training inputs "
            f"{tuple(minimum.inputs.shape[1:])}."
        )


def _route(minimum: Minimum, likelihood: Likelihood, budget: Budget) -> RoutePlan:
    cost, n, K = gram_cost(minimum), likelihood.n, likelihood.outputs
    if budget.route is None:
        room = planned_bytes(budget.memory_bytes, minimum.inputs.device)
        return choose_route(n, K, minimum.dim, gram=cost, memory_bytes=room)
    counts = {
        "primal": primal_operations(n * K, minimum.dim) + left_out_operations(n, K, minimum.dim),
        "dual": dual_operations(n * K, cost) + left_out_operations(n, K, n * K),
        "matrix_free": None,
    }
    return RoutePlan(budget.route, budget.why, counts[budget.route])


def _matrix_free(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    budget: Budget,
    run: Run,
) -> tuple[Sweep, GapPlan]:
    longest = budget.seconds
    clock = Clock(longest, part(run.progress, *SWEEP))
    products, coarse = Ggn(minimum, root=metric.root), single(minimum)
    quick = None if coarse is minimum else Ggn(coarse, root=metric.root)
    examples = (products if quick is None else quick).seconds
    needed = products.seconds * shared_vectors()
    needed += examples * vectors_of_examples(minimum.n, flow=metric.flow is not None)
    run.progress(SWEEP[0], _matrix_free_sentence(needed, longest))
    more = {"quick": quick, "run": run, "clock": clock}
    sweep = matrix_free_sweep(products, likelihood, lambdas, metric, **more)
    seconds = clock.used if sweep.seconds is None else sweep.seconds
    return sweep, GapPlan(min(needed, longest), seconds, sweep.products)


def _exact(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    plan: RoutePlan,
    progress: Progress,
) -> tuple[Sweep, GapPlan]:
    assert plan.operations is not None
    clock = Clock(float("inf"))
    operations, flow = plan.operations, metric.flow
    if flow is not None:
        rows, own = likelihood.n * likelihood.outputs, flow.added is not None
        operations += flow_operations(rows, minimum.dim, plan.route, own=own)
    planned = exact_seconds(operations, minimum.inputs.device)
    planned += trace_seconds(minimum, once=plan.route == "primal")
    said = f"{plan.route} route over λ, about {duration(planned)} planned"
    progress(SWEEP[0], said)
    of_route = primal_sweep if plan.route == "primal" else dual_sweep
    heard = part(progress, *SWEEP, f"{said}: ")
    try:
        sweep = of_route(minimum, likelihood, lambdas, metric, heard)
    except torch.linalg.LinAlgError as error:
        raise ValueError(_overflowing(minimum, likelihood)) from error
    return sweep, GapPlan(planned, clock.used, None)


def _too_many_copies(minimum: Minimum, plan: RoutePlan) -> str:
    return (
        f"{plan.reason} Copies of {originals(minimum).shape[0]} originals can only be left out "
        f"together on an exact route: give fewer than these {minimum.n} examples, or fewer copies."
    )


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
    found = prepare(
        network,
        minimum.inputs,
        minimum.targets,
        loss=minimum.objective,
        device=minimum.inputs.device,
    )
    return replace(found, groups=minimum.groups)
