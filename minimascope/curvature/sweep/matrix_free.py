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

from minimascope.curvature.minimum.fingerprint import fingerprint
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.durations import duration
from minimascope.curvature.running.run import Run
from minimascope.curvature.running.saved_parts import Part, Parts
from minimascope.curvature.running.saved_state import NOT_KEPT, Keeper
from minimascope.curvature.sweep import drawn_examples
from minimascope.curvature.sweep.deflated import (
    FEWEST_PROBES,
    PROBES,
    USUAL_STEPS,
    DeflatedGgn,
    deflated_ggn,
    quadratic_forms,
    soft_rank,
)
from minimascope.curvature.sweep.drawn_examples import (
    batch_sizes,
    drawn_batch,
    drawn_so_far,
    error_of_alo,
)
from minimascope.curvature.sweep.result import Filtered, Sweep
from minimascope.curvature.sweep.route import LONGEST
from minimascope.objective.likelihood import Likelihood
from minimascope.objective.metric import Flow, Metric

RELATIVE_ERROR = 0.1
FEWEST_VECTORS = 100
BATCH = "leave-one-out, batch"
# Shares of the time by whose end each part is over, where it is short.
DEFLATION, RANK, FORMS = 0.15, 0.3, 0.5
# Examples that float32 is tried on, and what it may change their logits' steps by at λ_eff.
TRIED, ENOUGH = 2, 1e-2
# A curve is drawn where its last steps changed it by less.
DRAWN = 0.1


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
    parts = Parts(_keeper(products, lambdas, run), Clock(LONGEST) if clock is None else clock)
    clock = parts.clock
    if parts.fresh:
        _refuse_haste(products, clock)
    products.operator.counter.products += parts.products
    ggn = deflated_ggn(products, lambdas, _stream(seed, 0), row=row, clock=clock, share=DEFLATION)

    def once(name: str, make: Callable[[], Part]) -> Part:
        return parts.once(name, make, lambda: products.count)

    rank = once("soft rank", lambda: _rank(ggn, seed, metric))
    forms = once("TIC", lambda: _forms(ggn, likelihood, seed, metric))
    drawn = torch.randperm(likelihood.n, generator=_stream(seed, 3))
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
    worst = torch.stack([change, forms["change"], rank["change"]]).amax(dim=0)
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
        settled=worst < DRAWN,
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


def _keeper(products: Ggn, lambdas: Tensor, run: Run) -> Keeper:
    if run.state_path is None:
        return NOT_KEPT
    key = fingerprint(products.minimum, seed=run.seed, also=[lambdas])
    return Keeper(run.state_path, key)


def _stream(seed: int, part: int) -> torch.Generator:
    return torch.Generator().manual_seed(4 * seed + part)


def _refuse_haste(products: Ggn, clock: Clock) -> None:
    least = products.seconds * FEWEST_VECTORS
    if clock.seconds < least:
        raise ValueError(
            f"A product with the GGN takes {duration(products.seconds)} here, and the "
            f"matrix-free route needs {FEWEST_VECTORS} of them at least: {duration(least)}, not "
            f"{duration(clock.seconds)}. Give it more time, fewer examples, or a GPU."
        )


def _affordable(ggn: DeflatedGgn, share: float, most: int) -> int:
    return max(FEWEST_PROBES, min(most, ggn.vectors_in(ggn.clock.left(share), USUAL_STEPS)))


def _rank(ggn: DeflatedGgn, seed: int, metric: Metric) -> Part:
    probes, flow = _affordable(ggn, RANK, PROBES), metric.flow
    if flow is not None:
        flow = flow.averaged(metric.damping.value or 0.0)
    rank, error, half_logdet, change, of_flow = soft_rank(
        ggn, _stream(seed, 1), probes=probes, share=RANK, flow=flow
    )
    found = {"rank": rank, "error": error, "half_logdet": half_logdet, "change": change}
    return found | {"flow": of_flow}


def _filtered(metric: Metric, rank: Part, batches: list[Part], order: Tensor) -> Filtered | None:
    if metric.flow is None:
        return None
    return Filtered(float(rank["flow"]), torch.cat([batch["flow"] for batch in batches])[order])


def _forms(ggn: DeflatedGgn, likelihood: Likelihood, seed: int, metric: Metric) -> Part:
    """All quadratic forms of one kind in lockstep: ḡ, ∇L + Pθ and the random sums."""
    theta = ggn.minimum.theta
    plain = mean_gradient(ggn.minimum)
    mean = metric.scaled(plain)
    whole = metric.scaled(plain + metric.penalty.to(theta) * theta)
    probes = _affordable(ggn, FORMS, PROBES)
    shape = (probes, likelihood.n)
    signs = 2 * torch.randint(0, 2, shape, generator=_stream(seed, 2)) - 1
    sums = ggn.products.gradient_sums(signs.to(theta))
    X = torch.cat([mean[None], whole[None], sums])
    also = ggn.lambdas.new_tensor([metric.newton_ridge or 1.0])
    parts = [quadratic_forms(ggn, x, also=also, share=FORMS) for x in X.split(ggn.at_once)]
    values, changes, elsewhere = zip(*parts, strict=True)
    value = torch.cat(values, dim=1)
    return {
        "mean": value[:, 0],
        "sums": value[:, 2:] / likelihood.n,
        "newton": torch.cat(elsewhere, dim=1)[0, 1],
        "change": torch.stack(changes).amax(dim=0),
    }


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
        method += f"; {why}, and ALO is known to {error:.0%} only"
    return method
