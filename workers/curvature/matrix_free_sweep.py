"""The matrix-free route: SLQ soft rank, and S_i of a random subset of examples, for every λ.

The top eigenpairs of the GGN are taken out once. S_i(λ) = J_i A⁻¹ J_iᵀ / n comes from them and one
block Lanczos run started at J_iᵀ, so no λ costs a product; examples are added in random order until
the standard error of ALO is small enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workers.curvature.deflated_ggn import (
    BLOCK_NUMBERS,
    CHECK_EVERY,
    MAX_STEPS,
    PROBES,
    TOLERANCE,
    DeflatedGgn,
    deflated_ggn,
    soft_rank,
    vector_quadratic,
)
from workers.curvature.directional import mean_gradient_of
from workers.curvature.jacobian import jacobian
from workers.curvature.likelihood import Likelihood
from workers.curvature.minimum import Minimum
from workers.curvature.sweep import Sweep, leave_one_out

RELATIVE_ERROR = 0.1
FIRST_EXAMPLES = 64
MOST_EXAMPLES = 1000


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
    """Everything of `Sweep`; memory about three blocks of 5·10⁷ numbers and the deflation
    (120 vectors, 5·10⁸ numbers at most) beside the network.

    The error that stops the examples is that of ALO at λ_eff (middle λ where it is unknown).
    """
    target = float(lambdas[len(lambdas) // 2]) if lambda_eff is None else lambda_eff
    row = int((lambdas - target).abs().argmin())
    generator = torch.Generator().manual_seed(seed)
    ggn = deflated_ggn(minimum, likelihood, lambdas, generator)
    rank, rank_error, half_logdet = soft_rank(ggn, generator)
    order = torch.randperm(likelihood.n, generator=generator).to(likelihood.logits.device)
    batches: list[_Batch] = []
    done = 0
    for examples in order[:MOST_EXAMPLES].split(_batch_size(minimum, likelihood)):
        batches.append(_batch(ggn, examples, row))
        done += examples.shape[0]
        displacement = torch.cat([batch.displacement for batch in batches], dim=1)
        error = _relative_error(likelihood.select(order[:done]), displacement[row])
        if done >= FIRST_EXAMPLES and error <= relative_error:
            break
    gradient = mean_gradient_of(minimum)
    newton = None
    if newton_ridge is not None:
        g = gradient + (weight_decay or 0.0) * minimum.theta
        newton = 0.5 * float(vector_quadratic(ggn, g, lambdas.new_tensor([newton_ridge]))[0])
    return Sweep(
        lambdas=lambdas,
        rank=rank,
        rank_error=rank_error,
        half_logdet=half_logdet,
        examples=order[:done],
        displacement=displacement,
        quadratic=torch.cat([batch.quadratic for batch in batches], dim=1) * likelihood.n,
        mean_quadratic=vector_quadratic(ggn, gradient, lambdas),
        leverage=torch.cat([batch.leverage for batch in batches], dim=1),
        newton=newton,
        eigenvalues=None,
        method=_method(ggn, batches, done, error, relative_error),
        numerical_error=max(batch.change for batch in batches),
    )


def _method(ggn: DeflatedGgn, batches: list[_Batch], done: int, error: float, wanted: float) -> str:
    n = ggn.likelihood.n
    steps, change = max(b.steps for b in batches), max(b.change for b in batches)
    method = (
        f"matrix-free: stochastic Lanczos quadrature ({PROBES} probes) and block Lanczos on "
        f"{done} of {n} examples, drawn at random ({steps} steps, the last of which changed "
        f"leave-one-out by {change:.1g} of itself), outside {ggn.deflation.values.numel()} "
        "eigenpairs of the GGN"
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


def _batch(ggn: DeflatedGgn, examples: Tensor, row: int) -> _Batch:
    minimum, likelihood, lambdas = ggn.minimum, ggn.likelihood, ggn.lambdas
    chosen = likelihood.select(examples)
    basis = _contrasts(likelihood)
    X = jacobian(minimum, minimum.inputs[examples]).mT @ basis
    lanczos = ggn.begin(X)
    before: Tensor | None = None
    change = math.inf

    def scaled(at: Tensor) -> Tensor:
        known = ggn.deflation.quadratic(X, at)
        return basis @ ((known + lanczos.quadratic(at)) / likelihood.n) @ basis.mT

    while len(lanczos.diagonal) < MAX_STEPS and not lanczos.exhausted:
        lanczos.advance()
        if len(lanczos.diagonal) % CHECK_EVERY:
            continue
        # The smallest λ converges last; it only has to be good enough to draw.
        ends = leave_one_out(chosen, scaled(lambdas[[row, 0]]))[0]
        if before is not None:
            size = ends.flatten(1).norm(dim=1)
            changes = (ends - before).flatten(1).norm(dim=1) / size
            change = float(changes[0])
            if change < TOLERANCE and float(changes[1]) < 10 * TOLERANCE:
                break
        before = ends
    result = leave_one_out(chosen, scaled(lambdas))
    _refuse_noise(result[2])
    return _Batch(*result, change, len(lanczos.diagonal))


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
