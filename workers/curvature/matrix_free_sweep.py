"""The matrix-free route: SLQ soft rank, and S_i of a random subset of examples, for every λ.

S_i(λ) = J_i A⁻¹ J_iᵀ / n comes from one block Lanczos run started at J_iᵀ, so no λ costs a
product; examples are added in random order until the standard error of ALO is small enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.block_quadrature import BlockLanczos, begin
from workers.curvature.directional import mean_gradient_of
from workers.curvature.ggn_product import Product, ggn_product
from workers.curvature.jacobian import jacobian
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum
from workers.curvature.sweep import Sweep, leave_one_out

PROBES = 20
SLQ_STEPS = 100
MAX_STEPS = 200
CHECK_EVERY = 5
TOLERANCE = 1e-4
RELATIVE_ERROR = 0.1
FIRST_EXAMPLES = 64
MOST_EXAMPLES = 1000
BLOCK_NUMBERS = 5 * 10**7


@dataclass(frozen=True)
class _Batch:
    displacement: Tensor
    quadratic: Tensor
    leverage: Tensor
    change: float
    steps: int


def matrix_free_sweep(
    minimum: Minimum,
    likelihood: Likelihood,
    lambdas: Tensor,
    *,
    weight_decay: float | None,
    newton_ridge: float | None,
    lambda_eff: float | None,
    seed: int,
    relative_error: float = RELATIVE_ERROR,
) -> Sweep:
    """Everything of `Sweep`; memory about three blocks of 5·10⁷ numbers beside the network.

    The error that stops the examples is that of ALO at λ_eff (middle λ where it is unknown).
    """
    product = ggn_product(minimum, likelihood)
    target = float(lambdas[len(lambdas) // 2]) if lambda_eff is None else lambda_eff
    row = int((lambdas - target).abs().argmin())
    generator = torch.Generator().manual_seed(seed)
    rank, rank_error, half_logdet = _slq(product, minimum, lambdas, generator)
    order = torch.randperm(likelihood.n, generator=generator).to(likelihood.logits.device)
    batches: list[_Batch] = []
    done = 0
    for examples in order[:MOST_EXAMPLES].split(_batch_size(minimum, likelihood)):
        batches.append(_batch(product, minimum, likelihood, examples, lambdas, row))
        done += examples.shape[0]
        displacement = torch.cat([batch.displacement for batch in batches], dim=1)
        error = _relative_error(likelihood.select(order[:done]), displacement[row])
        if done >= FIRST_EXAMPLES and error <= relative_error:
            break
    gradient = mean_gradient_of(minimum)
    newton = None
    if newton_ridge is not None:
        g = gradient + (weight_decay or 0.0) * minimum.theta
        newton = 0.5 * float(_vector_quadratic(product, g, lambdas.new_tensor([newton_ridge]))[0])
    return Sweep(
        lambdas=lambdas,
        rank=rank,
        rank_error=rank_error,
        half_logdet=half_logdet,
        examples=order[:done],
        displacement=displacement,
        quadratic=torch.cat([batch.quadratic for batch in batches], dim=1) * likelihood.n,
        mean_quadratic=_vector_quadratic(product, gradient, lambdas),
        leverage=torch.cat([batch.leverage for batch in batches], dim=1),
        newton=newton,
        eigenvalues=None,
        method=_method(batches, done, likelihood.n, error, relative_error),
        numerical_error=max(batch.change for batch in batches),
    )


def _method(batches: list[_Batch], done: int, n: int, error: float, wanted: float) -> str:
    steps, change = max(b.steps for b in batches), max(b.change for b in batches)
    method = (
        f"matrix-free: stochastic Lanczos quadrature ({PROBES} probes) and block Lanczos on "
        f"{done} of {n} examples, drawn at random ({steps} steps, the last of which changed "
        f"leave-one-out by {change:.1g} of itself)"
    )
    if change >= TOLERANCE:
        method += f"; not converged to {TOLERANCE:g}"
    if done < n and error > wanted:
        method += f"; {MOST_EXAMPLES} examples are the most, and ALO is known to {error:.0%} only"
    return method


def _batch_size(minimum: Minimum, likelihood: Likelihood) -> int:
    return max(1, min(FIRST_EXAMPLES, BLOCK_NUMBERS // (likelihood.outputs * minimum.dim)))


def _relative_error(likelihood: Likelihood, displacement: Tensor) -> float:
    """Standard error of the mean leave-one-out increment relative to it."""
    increments = likelihood.nll(likelihood.logits + displacement) - likelihood.nll()
    if increments.shape[0] < 2:
        return math.inf
    return float(increments.std() / increments.mean().abs()) / math.sqrt(increments.shape[0])


def _batch(
    product: Product,
    minimum: Minimum,
    likelihood: Likelihood,
    examples: Tensor,
    lambdas: Tensor,
    row: int,
) -> _Batch:
    J = jacobian(minimum, minimum.inputs[examples])
    chosen = likelihood.select(examples)
    basis = _contrasts(likelihood)
    lanczos = begin(product, J.mT @ basis)
    before: Tensor | None = None
    change = math.inf
    while len(lanczos.diagonal) < MAX_STEPS and not lanczos.exhausted:
        lanczos.advance()
        if len(lanczos.diagonal) % CHECK_EVERY:
            continue
        # The smallest λ converges last; it only has to be good enough to draw.
        ends = leave_one_out(chosen, _scaled(lanczos, basis, lambdas[[row, 0]], likelihood.n))[0]
        if before is not None:
            size = ends.flatten(1).norm(dim=1)
            changes = (ends - before).flatten(1).norm(dim=1) / size
            change = float(changes[0])
            if change < TOLERANCE and float(changes[1]) < 10 * TOLERANCE:
                break
        before = ends
    S = _scaled(lanczos, basis, lambdas, likelihood.n)
    result = leave_one_out(chosen, S)
    _refuse_noise(result[2])
    return _Batch(*result, change, len(lanczos.diagonal))


def _scaled(lanczos: BlockLanczos, basis: Tensor, lambdas: Tensor, n: int) -> Tensor:
    return basis @ (lanczos.quadratic(lambdas) / n) @ basis.mT


def _contrasts(likelihood: Likelihood) -> Tensor:
    """Orthonormal basis (K × K−1) of logit differences; the identity for the other losses.

    The GGN does not see a shift of all logits of a softmax, and neither does any estimate: left
    in, that direction would end the Lanczos recurrence at once.
    """
    eye = torch.eye(likelihood.outputs).to(likelihood.logits)
    if likelihood.loss != "cross_entropy":
        return eye
    return torch.linalg.qr(eye[:, :-1] - 1 / likelihood.outputs)[0]


def _refuse_noise(leverage: Tensor) -> None:
    largest = float(leverage.max())
    if not largest < 1:
        raise ValueError(
            f"The matrix-free route lost its accuracy (leverage {largest:.3g}, must be below 1); "
            "use an exact route."
        )


def _vector_quadratic(product: Product, vector: Tensor, lambdas: Tensor) -> Tensor:
    """vᵀ(GGN + λI)⁻¹v (L,), converged to the same tolerance."""
    if float(vector.norm()) == 0:
        return torch.zeros_like(lambdas)
    lanczos = begin(product, vector[None, :, None])
    before: Tensor | None = None
    value = torch.zeros_like(lambdas)
    while len(lanczos.diagonal) < min(MAX_STEPS, vector.shape[0]) and not lanczos.exhausted:
        lanczos.advance()
        if len(lanczos.diagonal) % CHECK_EVERY:
            continue
        value = lanczos.quadratic(lambdas)[:, 0, 0, 0]
        if before is not None and float(((value - before) / value).abs().max()) < TOLERANCE:
            break
        before = value
    return lanczos.quadratic(lambdas)[:, 0, 0, 0]


def _slq(
    product: Product, minimum: Minimum, lambdas: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """(rank, its standard error, ½ log det) for every λ from one Lanczos run a probe."""
    theta = minimum.theta
    signs = torch.randint(0, 2, (PROBES, minimum.dim, 1), generator=generator)
    lanczos = begin(product, (2 * signs - 1).to(theta))
    while len(lanczos.diagonal) < min(SLQ_STEPS, minimum.dim) and not lanczos.exhausted:
        lanczos.advance()
    values, weights = lanczos.nodes()
    e = values.clamp_min(0)[None]
    ridge = lambdas.to(theta)[:, None, None]
    ranks = (weights * e / (e + ridge)).sum(dim=2)
    logdets = 0.5 * (weights * torch.log1p(e / ridge)).sum(dim=2)
    return ranks.mean(dim=1), ranks.std(dim=1) / math.sqrt(PROBES), logdets.mean(dim=1)
