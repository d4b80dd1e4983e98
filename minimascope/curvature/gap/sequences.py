"""The gap of a language model whose logits of all positions do not stand at once.

Sequences drawn at random are left out by the network itself (`sequences_left_out`); soft rank and
TIC come from products alone, as on the matrix-free route; losses and gradients from the logits of
some positions at a time. What needs the logits of all positions is None, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.lambda_grid import lambda_grid
from minimascope.curvature.gap.moved_network import USUAL_STEPS
from minimascope.curvature.gap.result import GapPlan, GapResult
from minimascope.curvature.gap.sequences_found import Found, Swept
from minimascope.curvature.gap.sequences_left_out import how_many, leave_out
from minimascope.curvature.gap.sequences_result import result_of
from minimascope.curvature.minimum.batches import as_matrix, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.positions import LOGITS_AT_ONCE
from minimascope.curvature.minimum.single import single
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.metric import metric_at
from minimascope.curvature.products.token_head import TokenHead, token_head
from minimascope.curvature.products.token_losses import sequence_losses
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_parts import Parts
from minimascope.curvature.sweep.deflated import deflated_ggn
from minimascope.curvature.sweep.of_all_examples import (
    DEFLATION,
    forms_part,
    keeper_of,
    rank_part,
    refuse_haste,
    stream,
)
from minimascope.curvature.sweep.route import Budget, shared_vectors
from minimascope.objective.metric import Metric

# Two sequences' conjugate gradients, some 20 steps each, and the least of the rest.
FEWEST_PRODUCTS = 60
# What comes after the products, in passes over the data, and the most of the time kept for it.
ENDING_PASSES, ENDING_SHARE = 12, 0.25
MOST_LOGITS = 2**25  # of all positions of all sequences: 256 MB in float64, and several of them


def too_many_logits(minimum: Minimum) -> bool:
    """Of a language model: its logits at all positions would not stand at once."""
    if minimum.loss.reads != "labels_of_positions":
        return False
    return minimum.n * _outputs(minimum) > MOST_LOGITS


def _outputs(minimum: Minimum) -> int:
    """T·K, the logits of one sequence."""
    return as_matrix(outputs_at(minimum, minimum.inputs[:1])).shape[1]


def gap_of_sequences(
    given: Minimum,
    minimum: Minimum,
    *,
    test: tuple[Tensor, Tensor] | None,
    lambdas: Sequence[float],
    hessian: KnownHessian | None,
    budget: Budget,
    run: Run,
) -> GapResult:
    """As `estimate_gap`; `given` in its own precision, `minimum` in float64."""
    clock = Clock(budget.seconds, run.progress)
    run.progress(0.0, "losses and gradient of all sequences")
    _check(minimum, test)
    head, data = token_head(minimum), (minimum.inputs, minimum.targets)
    plain, trained = minimum.loss.plain, minimum.loss
    losses = sequence_losses(minimum, head, data, (plain, trained))
    ending = min(ENDING_PASSES * clock.used, ENDING_SHARE * budget.seconds)
    clock = replace(clock, seconds=budget.seconds - ending)
    if not bool(losses.isfinite().all()):
        raise ValueError("The network's outputs contain NaN or infinity on the given data.")
    metric = metric_at(minimum, seed=run.seed)
    swept, plan = None, GapPlan(0.0, 0.0, None)
    if metric.damping.value is not None:
        swept, plan = _swept(given, minimum, metric, lambdas, clock, run)
    run.progress(1.0, "estimates, baselines and diagnostics")
    return result_of(
        Found(
            minimum=minimum,
            head=head,
            metric=metric,
            gradient=mean_gradient(minimum),
            losses=losses,
            test_losses=None if test is None else _of_test(minimum, head, test),
            hessian=hessian,
            swept=swept,
            plan=plan,
        )
    )


def _of_test(minimum: Minimum, head: TokenHead | None, test: tuple[Tensor, Tensor]) -> Tensor:
    """(2 × n_test) plain and trained, normalised for the test set."""
    data = test[0].to(minimum.inputs), test[1].to(minimum.targets)
    loss = minimum.loss.of_data(data[1])
    return sequence_losses(minimum, head, data, (loss.plain, loss))


def _check(minimum: Minimum, test: tuple[Tensor, Tensor] | None) -> None:
    """ValueError where labels and outputs cannot belong together, naming the value."""
    for inputs, targets in [(minimum.inputs, minimum.targets), *([test] if test else [])]:
        one = as_matrix(outputs_at(minimum, inputs[:1].to(minimum.inputs)))
        minimum.loss.check_targets(one.expand(len(inputs), -1), targets)


def _swept(
    given: Minimum,
    minimum: Minimum,
    metric: Metric,
    asked: Sequence[float],
    clock: Clock,
    run: Run,
) -> tuple[Swept, GapPlan]:
    coarse, value = single(given), metric.damping.value
    assert value is not None
    lambdas = torch.tensor(lambda_grid(value, asked), dtype=torch.float64)
    row = int((lambdas - value).abs().argmin())
    # Without a head of their own the logits of a chunk stand at once.
    chunk = None if token_head(coarse) else max(1, LOGITS_AT_ONCE // _outputs(coarse))
    products = Ggn(coarse, root=metric.root, chunk=chunk)
    parts = Parts(keeper_of(products, lambdas, run), clock)
    if parts.fresh:
        refuse_haste(products, parts.clock, FEWEST_PRODUCTS)
    products.operator.counter.products += parts.products
    count = how_many(products)
    planned = products.seconds * (shared_vectors() + count * USUAL_STEPS)
    told = {"row": row, "clock": parts.clock, "share": DEFLATION}
    ggn = deflated_ggn(products, lambdas, stream(run.seed, 0), **told)
    rank = parts.once("soft rank", lambda: rank_part(ggn, run.seed, metric), lambda: products.count)
    forms = parts.once(
        "TIC", lambda: forms_part(ggn, minimum.n, run.seed, metric), lambda: products.count
    )
    losses = (minimum.loss.plain, minimum.loss)
    how = {"seed": run.seed, "parts": parts, "root": metric.root}
    left_out = leave_out(minimum, products, value, losses, **how)
    fisher_rao = _fisher_rao(products, metric)
    plan = GapPlan(min(planned, clock.seconds), parts.clock.used, products.count)
    return Swept(lambdas, row, rank, forms, left_out, fisher_rao), plan


def _fisher_rao(products: Ggn, metric: Metric) -> float | None:
    """θᵀ GGN θ; None where some parameters are in no product."""
    theta, root = products.minimum.theta, metric.root
    if root is not None:
        if not bool((root > 0).all()):
            return None
        theta = theta / root.to(theta)
    return float(theta @ products.operator.matvec(theta))
