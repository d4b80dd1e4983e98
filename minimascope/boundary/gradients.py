"""Reinforcing gradients g(x) = ∇θ CE(f(x; θ), argmax f(x; θ)) of any network, scale-free.

Fully connected networks use the closed form of `layers`; every other network one vectorised
backward pass with the residual as seed. Both return ĝ with g = exp(log_scale) · ĝ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vjp, vmap

from minimascope.boundary import layers
from minimascope.boundary.classification import class_logits
from minimascope.boundary.residual import Residual, own_class_residual
from minimascope.curvature.minimum.batches import rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum

# Per-example gradients held at once take at most this many numbers (256 MB in float64).
_NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class ReinforcingGradients:
    """Unit gradients ĝ/‖ĝ‖ (n, p); rows of inputs without a direction are NaN.

    log_norms (n,) = ln ‖g‖; residual as in `residual`; underflowed = number of NaN rows.
    """

    units: Tensor
    log_norms: Tensor
    residual: Residual
    underflowed: int


def rows_at_once(minimum: Minimum) -> int:
    """How many per-example gradients are held at a time."""
    return max(1, min(rows_in_cache(minimum.inputs), _NUMBERS_AT_ONCE // minimum.dim))


def per_example(minimum: Minimum, theta: Tensor, inputs: Tensor) -> tuple[Residual, Tensor]:
    """Residuals and scale-free gradients (m, p) by one vmapped backward pass."""

    def one(x: Tensor, seed: Tensor) -> Tensor:
        def logits(q: Tensor) -> Tensor:
            return class_logits(minimum.logits(q, x[None]))[0]

        pullback = vjp(logits, theta)[1]
        return pullback(seed)[0]

    with torch.no_grad():
        logits = class_logits(minimum.network(inputs))
        residual = own_class_residual(logits)
        return residual, vmap(one)(inputs, residual.direction.to(logits.dtype))


def scale_free(minimum: Minimum, inputs: Tensor) -> tuple[Residual, Tensor]:
    """Residuals and scale-free gradients (m, p) by the cheapest exact route."""
    closed = layers.closed_layers(minimum)
    if closed is None:
        return per_example(minimum, minimum.theta, inputs)
    passed = layers.sweep(minimum, closed, inputs)
    return passed.residual, layers.gradients(minimum, closed, passed)


def reinforcing_gradients(
    minimum: Minimum,
    inputs: Tensor,
    *,
    progress: Callable[[float], None] | None = None,
) -> ReinforcingGradients:
    """Unit reinforcing gradients of all `inputs`: m × p numbers are held in memory."""
    residuals: list[Residual] = []
    units: list[Tensor] = []
    norms: list[Tensor] = []
    done = 0
    for part in torch.split(inputs, rows_at_once(minimum)):
        residual, g = scale_free(minimum, part)
        norm = torch.linalg.vector_norm(g, dim=1)
        units.append(unit_rows(g, norm))
        norms.append(norm.double().log() + residual.log_scale)
        residuals.append(residual)
        done += part.shape[0]
        if progress is not None:
            progress(done / inputs.shape[0])
    stacked = torch.cat(units)
    return ReinforcingGradients(
        stacked,
        torch.cat(norms),
        concatenate(residuals),
        int(stacked[:, 0].isnan().sum()),
    )


def unit_rows(g: Tensor, norm: Tensor) -> Tensor:
    """g/‖g‖ row by row; NaN where the norm is 0 or not finite, never a silent 0."""
    usable = (norm > 0) & norm.isfinite()
    return g / torch.where(usable, norm, torch.nan)[:, None]


def concatenate(parts: list[Residual]) -> Residual:
    """Residuals of consecutive chunks as one."""
    return Residual(
        torch.cat([part.direction for part in parts]),
        torch.cat([part.log_scale for part in parts]),
        torch.cat([part.classes for part in parts]),
        torch.cat([part.logit_gap for part in parts]),
    )
