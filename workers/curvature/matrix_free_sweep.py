"""The matrix-free route: everything of a sweep from GGN products, within a given time.

Soft rank by stochastic Lanczos quadrature; TIC as (1/n) Σ_z zᵀGA⁻¹Gᵀz over random signs z, which
covers all examples at once (G: rows g_i). Leave-one-out of random examples from one vector each:

  δf_i = J_i (A − J_iᵀΛ_iJ_i/n)⁻¹ g_i / n   (= S_i (I − Λ_iS_i)⁻¹ r_i by Woodbury's identity)

so a Lanczos run started at g_i, with the products of the loss without example i, gives δf_i for
every λ, whatever the number of classes. Examples are added until the standard error of ALO is
small enough, or the time is over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.clock import Clock
from workers.curvature.deflated_ggn import (
    FEWEST_PROBES,
    PROBES,
    USUAL_STEPS,
    DeflatedGgn,
    deflated_ggn,
    quadratic_forms,
    run_until_settled,
    soft_rank,
)
from workers.curvature.directional import example_gradients, mean_gradient_of
from workers.curvature.ggn_product import GgnProducts
from workers.curvature.likelihood import Likelihood
from workers.curvature.lockstep_lanczos import LanczosRuns, begin
from workers.curvature.sweep import Sweep

RELATIVE_ERROR = 0.1
FIRST_EXAMPLES, FEWEST_EXAMPLES, MOST_EXAMPLES = 64, 2, 1000
LONGEST = 3600.0
# Shares of the time by whose end each part is over, where it is short.
DEFLATION, RANK, FORMS = 0.15, 0.3, 0.5
# A curve is drawn where its last steps changed it by less.
DRAWN = 0.1


@dataclass(frozen=True)
class _Batch:
    examples: Tensor
    displacement: Tensor
    change: Tensor
    steps: int
    seconds: float


@dataclass(frozen=True)
class _Forms:
    """Of ḡ, of random sums of the g_i (L × probes), and the Newton decrement."""

    mean: Tensor
    sums: Tensor
    newton: float | None
    change: Tensor


def matrix_free_sweep(
    products: GgnProducts,
    likelihood: Likelihood,
    lambdas: Tensor,
    *,
    weight_decay: float | None,
    newton_ridge: float | None,
    lambda_eff: float | None,
    seed: int,
    relative_error: float = RELATIVE_ERROR,
    clock: Clock | None = None,
) -> Sweep:
    """Everything of `Sweep`, products in the network's own precision, the rest in float64.

    Memory: three blocks of 10⁸ numbers and the deflation (120 vectors, 5·10⁸ numbers at most)
    beside the network and its graphs. The error that stops the examples is that of ALO at λ_eff
    (middle λ where it is unknown). Ends with the clock (default: an hour) with what it has.
    """
    clock = Clock(LONGEST) if clock is None else clock
    target = float(lambdas[len(lambdas) // 2]) if lambda_eff is None else lambda_eff
    row = int((lambdas - target).abs().argmin())
    generator = torch.Generator().manual_seed(seed)
    ggn = deflated_ggn(products, lambdas, generator, row=row, clock=clock, share=DEFLATION)
    probes = _affordable(ggn, RANK, PROBES)
    rank, rank_error, half_logdet, rank_change = soft_rank(
        ggn, generator, probes=probes, share=RANK
    )
    forms = _forms(ggn, likelihood, generator, weight_decay or 0.0, newton_ridge)
    order = torch.randperm(likelihood.n, generator=generator).to(likelihood.logits.device)
    batches = _examples(ggn, likelihood, order[:MOST_EXAMPLES], relative_error)
    examples = torch.cat([batch.examples for batch in batches])
    displacement = torch.cat([batch.displacement for batch in batches], dim=1)
    change = torch.stack([batch.change for batch in batches]).amax(dim=0)
    worst = torch.stack([change, forms.change, rank_change]).amax(dim=0)
    error = _relative_error(likelihood.select(examples), displacement[row])
    return Sweep(
        lambdas=lambdas,
        rank=rank,
        rank_error=rank_error,
        half_logdet=half_logdet,
        examples=examples,
        displacement=displacement,
        quadratic=forms.sums,
        mean_quadratic=forms.mean,
        leverage=None,
        newton=forms.newton,
        eigenvalues=None,
        method=_method(ggn, batches, examples.shape[0], probes, error, relative_error),
        numerical_error=float(change[row]),
        settled=worst < DRAWN,
        products=ggn.products.count,
    )


def _affordable(ggn: DeflatedGgn, share: float, most: int) -> int:
    return max(FEWEST_PROBES, min(most, ggn.vectors_in(ggn.clock.left(share), USUAL_STEPS)))


def _forms(
    ggn: DeflatedGgn,
    likelihood: Likelihood,
    generator: torch.Generator,
    weight_decay: float,
    ridge: float | None,
) -> _Forms:
    """All quadratic forms of one kind in lockstep: ḡ, ∇(L + wd/2 ‖θ‖²) and the random sums."""
    theta = ggn.minimum.theta
    mean = mean_gradient_of(ggn.minimum)
    probes = _affordable(ggn, FORMS, PROBES)
    signs = 2 * torch.randint(0, 2, (probes, likelihood.n), generator=generator) - 1
    sums = ggn.products.gradients(signs.to(theta))
    X = torch.cat([mean[None], (mean + weight_decay * theta)[None], sums])
    also = ggn.lambdas.new_tensor([] if ridge is None else [ridge])
    parts = [quadratic_forms(ggn, x, also=also, share=FORMS) for x in X.split(ggn.at_once)]
    values, changes, elsewhere = zip(*parts, strict=True)
    value = torch.cat(values, dim=1)
    newton = None if ridge is None else 0.5 * float(torch.cat(elsewhere, dim=1)[0, 1])
    change = torch.stack(changes).amax(dim=0)
    return _Forms(value[:, 0], value[:, 2:] / likelihood.n, newton, change)


def _examples(
    ggn: DeflatedGgn, likelihood: Likelihood, order: Tensor, relative_error: float
) -> list[_Batch]:
    batches: list[_Batch] = []
    done = 0
    while done < order.shape[0]:
        size = _batch_size(ggn, batches)
        if done >= FEWEST_EXAMPLES and size < 1:
            break
        batches.append(_batch(ggn, likelihood, order[done : done + max(FEWEST_EXAMPLES, size)]))
        done += batches[-1].examples.shape[0]
        displacement = torch.cat([batch.displacement for batch in batches], dim=1)
        error = _relative_error(likelihood.select(order[:done]), displacement[ggn.row])
        if (done >= FIRST_EXAMPLES and error <= relative_error) or ggn.clock.past(1.0):
            break
    return batches


def _batch_size(ggn: DeflatedGgn, batches: list[_Batch]) -> int:
    """Examples that fit in memory and, as far as is known, in what is left of the time."""
    if batches:
        each = max(batch.seconds / batch.examples.shape[0] for batch in batches)
    else:
        each = ggn.seconds_per_product * 2 * USUAL_STEPS
    return min(FIRST_EXAMPLES, ggn.at_once, int(ggn.clock.left() / each))


def _batch(ggn: DeflatedGgn, likelihood: Likelihood, examples: Tensor) -> _Batch:
    start = ggn.clock.used
    seen: list[Tensor] = []

    def product(V: Tensor) -> Tensor:
        image, own = ggn.products.left_out(V, examples)
        seen.append(own)
        return image

    def displacement(runs: LanczosRuns) -> Tensor:
        images = torch.stack(seen, dim=2)
        return runs.image_of_solution(images, ggn.lambdas) / likelihood.n

    runs = begin(product, example_gradients(ggn.minimum, examples))
    found, change = run_until_settled(
        ggn,
        runs,
        displacement,
        share=1.0,
        tolerance=ggn.tolerance,
        what=f"leave-one-out of {examples.shape[0]} examples",
    )
    return _Batch(examples, found, change, runs.steps, ggn.clock.used - start)


def _relative_error(likelihood: Likelihood, displacement: Tensor) -> float:
    """Standard error of the mean leave-one-out increment relative to it."""
    increments = likelihood.nll(likelihood.logits + displacement) - likelihood.nll()
    if increments.shape[0] < 2:
        return math.inf
    return float(increments.std() / increments.mean().abs()) / math.sqrt(increments.shape[0])


def _method(
    ggn: DeflatedGgn,
    batches: list[_Batch],
    done: int,
    probes: int,
    error: float,
    wanted: float,
) -> str:
    n = ggn.minimum.n
    steps = max(batch.steps for batch in batches)
    change = max(float(batch.change[ggn.row]) for batch in batches)
    method = (
        f"matrix-free: Lanczos quadrature ({probes} probes) and one Lanczos run for each of "
        f"{done} of {n} examples, drawn at random ({steps} steps, the last of which changed "
        f"leave-one-out by {change:.1g} of itself), outside {ggn.deflation.values.numel()} "
        f"eigenpairs of the GGN; {ggn.products.count} products in {ggn.clock.used:.0f} s"
    )
    if change >= ggn.tolerance:
        method += f"; not converged to {ggn.tolerance:g}"
    if done < n and error > wanted:
        why = f"{MOST_EXAMPLES} examples are the most" if done >= MOST_EXAMPLES else "time is over"
        method += f"; {why}, and ALO is known to {error:.0%} only"
    return method
