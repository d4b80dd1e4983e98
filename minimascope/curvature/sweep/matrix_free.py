"""The matrix-free route: everything of a sweep from GGN products, within a given time.

Soft rank by stochastic Lanczos quadrature; TIC as (1/n) Σ_z zᵀGA⁻¹Gᵀz over random signs z, which
covers all examples at once (G: rows g_i). Leave-one-out of random examples (`drawn_examples`): they
are added until the standard error of ALO is small enough, or the time is over. Where convolutions
are several times quicker in float32, these runs are in it, once the first examples' agree with
float64 to far less than what examples differ by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_parts import Part, Parts
from minimascope.curvature.sweep import drawn_examples
from minimascope.curvature.sweep.deflated import DeflatedGgn, deflated_ggn
from minimascope.curvature.sweep.drawn_examples import (
    batch_sizes,
    drawn_batch,
    drawn_so_far,
    error_of_alo,
)
from minimascope.curvature.sweep.of_all_examples import (
    DEFLATION,
    forms_part,
    keeper_of,
    rank_part,
    refuse_haste,
    stream,
)
from minimascope.curvature.sweep.result import Filtered, Sweep
from minimascope.curvature.sweep.route import LONGEST
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow, Metric

RELATIVE_ERROR = 0.1
BATCH = "leave-one-out, batch"
# Examples that float32 is tried on, and what it may change their logits' steps by at λ_eff.
TRIED, ENOUGH = 2, 1e-2


def matrix_free_sweep(
    products: Ggn,
    likelihood: Likelihood,
    lambdas: Tensor,
    metric: Metric,
    *,
    quick: Ggn | None = None,
    run: Run = Run(),
    relative_error: float = RELATIVE_ERROR,
    clock: Clock | None = None,
) -> Sweep:
    """Everything of `Sweep`, products in the network's own precision, the rest in float64.

    quick: the same in float32, for leave-one-out.
    Memory: three blocks of 10⁸ numbers and the deflation (120 vectors, 5·10⁸ numbers at most)
    beside the network and its graphs. The error that stops the examples is that of ALO at λ_eff
    (middle λ where it is unknown). Ends with the clock (default: an hour) with what it has.
    `run.state_path` keeps finished parts: the same sweep, killed on the way, goes on from them.
    ValueError where the time is too short for anything.
    """
    seed = run.seed
    target = metric.damping.value or float(lambdas[len(lambdas) // 2])
    row = int((lambdas - target).abs().argmin())
    parts = Parts(keeper_of(products, lambdas, run), Clock(LONGEST) if clock is None else clock)
    clock = parts.clock
    if parts.fresh:
        refuse_haste(products, clock)
    products.operator.counter.products += parts.products
    ggn = deflated_ggn(products, lambdas, stream(seed, 0), row=row, clock=clock, share=DEFLATION)

    def once(name: str, make: Callable[[], Part]) -> Part:
        return parts.once(name, make, lambda: products.count)

    rank = once("soft rank", lambda: rank_part(ggn, seed, metric))
    forms = once("TIC", lambda: forms_part(ggn, likelihood.n, seed, metric))
    drawn = torch.randperm(likelihood.n, generator=stream(seed, 3))
    own, difference = ggn, torch.zeros_like(rank["change"])
    if quick is not None:
        coarse = _coarse(ggn, quick)
        tried = drawn[:TRIED].to(likelihood.logits.device)
        found = once("precision", lambda: _tried(ggn, coarse, likelihood, metric.flow, tried))
        if float(found["difference"][row]) <= ENOUGH:
            own, difference = coarse, found["difference"]
    # What was drawn before comes first, whatever time is left now.
    batches = parts.series(BATCH)
    for size in batch_sizes(own, likelihood, metric.flow, batches, relative_error):
        at = drawn[drawn_so_far(batches) :][:size].to(likelihood.logits.device)
        batches.append(
            once(
                f"{BATCH} {len(batches) + 1}",
                lambda at=at: drawn_batch(own, likelihood, metric.flow, at),
            )
        )
    change = torch.stack([*(batch["change"] for batch in batches), difference]).amax(dim=0)
    few = drawn_so_far(batches) < min(likelihood.n, drawn_examples.FEWEST_OF_A_MEAN)
    # As in the data: what is said of one example must not go to another.
    examples, order = torch.cat([batch["examples"] for batch in batches]).sort()
    return Sweep(
        lambdas=lambdas,
        rank=rank["rank"],
        rank_error=rank["error"],
        half_logdet=rank["half_logdet"],
        examples=examples,
        displacement=torch.cat([batch["displacement"] for batch in batches], dim=1)[:, order],
        quadratic=forms["sums"],
        mean_quadratic=forms["mean"],
        leverage=None,
        newton=0.5 * float(forms["newton"]) if metric.newton_ridge else None,
        eigenvalues=None,
        method=_method(own, likelihood, batches, forms["sums"].shape[1], relative_error)
        + _of_precision(own, ggn, difference[row]),
        numerical_error=min(1.0, float(change[row])),
        changes={
            "rank": rank["change"],
            "quadratic": forms["change"],
            "displacement": torch.full_like(change, torch.inf) if few else change,
        },
        filtered=_filtered(metric, rank, batches, order),
        products=products.count,
        seconds=clock.used,
    )


def _coarse(ggn: DeflatedGgn, quick: Ggn) -> DeflatedGgn:
    """The same by products in float32, counted together with the others."""
    quick.operator = replace(quick.operator, counter=ggn.products.operator.counter)
    each = quick.seconds
    return replace(ggn, minimum=quick.minimum, products=quick, seconds_per_product=each)


def _tried(
    ggn: DeflatedGgn,
    coarse: DeflatedGgn,
    likelihood: Likelihood,
    flow: Flow | None,
    examples: Tensor,
) -> Part:
    """How far leave-one-out of some examples in float32 is from float64, relative to it (L,)."""
    exact = drawn_batch(ggn, likelihood, flow, examples)
    try:
        found = drawn_batch(coarse, likelihood, flow, examples)
    except ValueError:  # not finite
        return {"difference": torch.full_like(exact["change"], torch.inf)}
    difference = _apart(found["displacement"], exact["displacement"])
    if flow is not None:
        difference = difference.maximum(_apart(found["flow"][None], exact["flow"][None]))
    return {"difference": difference.nan_to_num(nan=torch.inf).to(ggn.lambdas)}


def _apart(found: Tensor, exact: Tensor) -> Tensor:
    """(L,) of (L × ...)."""
    size = exact.flatten(1).norm(dim=1).clamp_min(torch.finfo(exact.dtype).tiny)
    return ((found - exact).flatten(1).norm(dim=1) / size).double()


def _of_precision(own: DeflatedGgn, ggn: DeflatedGgn, difference: Tensor) -> str:
    if own is ggn:
        return ""
    return f"; leave-one-out in float32, {float(difference):.0e} from float64"


def _filtered(metric: Metric, rank: Part, batches: list[Part], order: Tensor) -> Filtered | None:
    if metric.flow is None:
        return None
    return Filtered(float(rank["flow"]), torch.cat([batch["flow"] for batch in batches])[order])


def _method(
    ggn: DeflatedGgn, likelihood: Likelihood, batches: list[Part], probes: int, wanted: float
) -> str:
    n, done = likelihood.n, drawn_so_far(batches)
    steps = max(int(batch["steps"]) for batch in batches)
    change = max(float(batch["change"][ggn.row]) for batch in batches)
    error = error_of_alo(ggn, likelihood, batches)
    method = (
        f"matrix-free: Lanczos quadrature ({probes} probes) and one Lanczos run for each of "
        f"{done} of {n} examples, drawn at random ({steps} steps, the last of which changed "
        f"leave-one-out by {change:.1g} of itself), outside {ggn.deflation.values.numel()} "
        f"eigenpairs of the GGN; {ggn.products.count} products"
    )
    if change >= ggn.tolerance:
        method += f"; not converged to {ggn.tolerance:g}"
    if done < n and error > wanted:
        why = (
            f"{drawn_examples.MOST_EXAMPLES} examples are the most"
            if done >= drawn_examples.MOST_EXAMPLES
            else "time is over"
        )
        few = done < drawn_examples.FEWEST_OF_A_MEAN
        known = "of so few examples is not known" if few else f"is known to {error:.0%} only"
        method += f"; {why}, and ALO {known}"
    return method
