"""The optimiser's metric at a minimum: v̂ from its state, or from gradients of the examples.

Without a state v̂ ≈ diag(C_c)/batch + ḡ², what Adam's mean of squared batch gradients tends to when
weights move slowly. Where all examples' gradients would be too many numbers, diag(C) comes from
sums with random signs, (Σ_i z_i g_i)², whose mean it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.batches import as_matrix, likelihood_of, outputs_at
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.batch_statistics import unseen_in_training
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.gradient import example_gradients, mean_gradient
from minimascope.curvature.products.second_moment import gradient_rows
from minimascope.objective.metric import Metric, metric_of, step_sizes
from minimascope.objective.tokens import TokenCrossEntropy

# Numbers of J that are worth making for v̂ alone; beyond, so many random signs: √v̂ to 5%.
LARGEST_JACOBIAN = 2 * 10**10
SIGNS, AT_ONCE = 200, 10**8
USUAL_BATCH = 64  # where it was not told


def metric_at(minimum: Minimum, *, seed: int = 0) -> Metric:
    """P, D and T of the minimum's objective, and the coordinates they make.

    Raises ValueError where the objective told cannot be that of this network.
    """
    theta, gradient = minimum.theta, mean_gradient(minimum)
    objective = minimum.objective
    shapes = {name: place.shape for name, place in minimum.places.items()}
    decays = objective.penalty.of(shapes, theta)
    unseen = unseen_in_training(minimum)
    D = None
    if objective.optimiser.adaptive:
        v = _told(minimum)
        if v is None:
            v = _estimated(minimum, gradient, seed)
        D = step_sizes(objective.optimiser, v, unseen)
    return metric_of(objective, decays, theta, gradient, D, unseen)


def told_steps(minimum: Minimum) -> Tensor | None:
    """D = √v̂ + ε (p,) of the optimiser's state; None where there is no state."""
    v = _told(minimum)
    return None if v is None else step_sizes(minimum.objective.optimiser, v)


def _told(minimum: Minimum) -> Tensor | None:
    """v̂ (p,) of the optimiser's state in θ order; None where there is no state."""
    moment = minimum.objective.optimiser.second_moment
    if moment is None:
        return None
    for name, place in minimum.places.items():
        if name not in moment:
            raise ValueError(
                f"The optimiser's state has no second moment of {name!r}: it is that of another "
                "network, or of other trainable parameters."
            )
        if moment[name].shape != place.shape:
            raise ValueError(
                f"The optimiser's second moment of {name!r} has shape {tuple(moment[name].shape)}, "
                f"the parameter {tuple(place.shape)}: it is that of another network."
            )
    flat = torch.cat([moment[name].reshape(-1) for name in minimum.places]).to(minimum.theta)
    if not bool(torch.isfinite(flat).all()) or bool((flat < 0).any()):
        raise ValueError("The optimiser's second moment holds values below 0 or not finite.")
    return flat


def _estimated(minimum: Minimum, mean: Tensor, seed: int) -> Tensor:
    """v̂ (p,) from gradients: what Adam would have seen in batches at these weights."""
    batch = minimum.objective.optimiser.batch_size or USUAL_BATCH
    outputs = as_matrix(outputs_at(minimum, minimum.inputs[:1])).shape[1]
    exact = minimum.n * outputs * minimum.dim <= LARGEST_JACOBIAN
    exact = exact or isinstance(minimum.loss, TokenCrossEntropy)
    second = _squares(minimum) if exact else _sampled_squares(minimum, seed)
    centred = (second - mean.square()).clamp_min(0)
    return centred / min(batch, minimum.n) + mean.square()


def _squares(minimum: Minimum) -> Tensor:
    """diag C = (1/n) Σ_i g_i² (p,)."""
    if isinstance(minimum.loss, TokenCrossEntropy):  # a gradient a sequence is one pass over all
        return _squares_of_sequences(minimum)
    residual = likelihood_of(minimum, minimum.inputs, minimum.targets).residual
    total = minimum.theta.zero_()
    for _, (rows,) in gradient_rows(minimum, [residual]):
        total += rows.square().sum(dim=0)
    return total / minimum.n


def _squares_of_sequences(minimum: Minimum) -> Tensor:
    total = minimum.theta.zero_()
    for some in torch.arange(minimum.n).split(max(1, AT_ONCE // minimum.dim)):
        total += example_gradients(minimum, some).square().sum(dim=0)
    return total / minimum.n


def _sampled_squares(minimum: Minimum, seed: int) -> Tensor:
    """The same from random signs, to 5% of its root."""
    generator = torch.Generator().manual_seed(seed)
    products, total = Ggn(minimum), minimum.theta.zero_()
    done = 0
    while done < SIGNS:
        count = min(SIGNS - done, max(1, AT_ONCE // minimum.dim))
        signs = 2 * torch.randint(0, 2, (count, minimum.n), generator=generator) - 1
        total += products.gradient_sums(signs.to(total)).square().sum(dim=0)
        done += count
    return total / (SIGNS * minimum.n)
