"""Inputs whose reinforcing gradient is as parallel to a vector as gradient ascent can make it.

Maximises A_k(x)² over x by Adam, without weight decay on the input, for many starts and vectors
in one batch; the best iterate of every start is kept (docs/mathematics.md, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vjp, vmap

from minimascope.boundary import layers
from minimascope.boundary.classification import class_logits
from minimascope.boundary.layers import ClosedLayer, LayerSweep
from minimascope.boundary.residual import own_class_residual
from minimascope.curvature.minimum.minimum import Minimum

# Rows × p numbers held at once by the general route (128 MB in float64).
_NUMBERS_AT_ONCE = 2**24
# The ascent ends where no start gained this much cos² since the last look.
_LOOK_EVERY = 25
_GAIN = 1e-5


def most_parallel_inputs(
    minimum: Minimum, vectors: Tensor, starts: Tensor, *, steps: int = 300, rate: float = 0.02
) -> tuple[Tensor, Tensor]:
    """Best inputs (k, s, ...) and their cos² (k, s) for unit vectors (k, p), starts (k, s, ...).

    `rate` is Adam's step in units of the training inputs' root-mean-square spread, and falls to
    0 along a cosine. cos² is −1 where no iterate had a direction.
    """
    flat = minimum.inputs.flatten(1)
    spread = float((flat - flat.mean(dim=0)).square().mean().sqrt())
    closed = layers.closed_layers(minimum)
    if closed is not None:
        return _ascend(_closed_alignment(minimum, closed, vectors), starts, steps, rate * spread)
    per_pass = max(1, _NUMBERS_AT_ONCE // minimum.dim)
    together = max(1, per_pass // starts.shape[1])
    inputs: list[Tensor] = []
    cosines: list[Tensor] = []
    groups = zip(torch.split(vectors, together), torch.split(starts, together), strict=True)
    for group, begin in groups:
        parts = [
            _ascend(_general_alignment(minimum, group), part, steps, rate * spread)
            for part in torch.split(begin, per_pass, dim=1)
        ]
        inputs.append(torch.cat([best for best, _ in parts], dim=1))
        cosines.append(torch.cat([cos2 for _, cos2 in parts], dim=1))
    return torch.cat(inputs), torch.cat(cosines)


def _ascend(
    alignment: Callable[[Tensor], Tensor], starts: Tensor, steps: int, rate: float
) -> tuple[Tensor, Tensor]:
    x = starts.clone().requires_grad_()
    best, best_cos2 = starts.clone(), torch.full(starts.shape[:2], -1.0).to(starts)
    adam = _Adam(x.detach())
    settled = best_cos2
    for step in range(steps):
        if step % _LOOK_EVERY == 0:
            if step and not bool((best_cos2 > settled + _GAIN).any()):
                break
            settled = best_cos2
        cos2 = alignment(x).square()
        value = cos2.detach().nan_to_num(nan=-1.0)
        better = value > best_cos2
        best_cos2 = torch.where(better, value, best_cos2)
        best[better] = x.detach()[better]
        (slope,) = torch.autograd.grad(-cos2.sum(), x)
        # A start without a direction must not move: NaN would spread into Adam's moments.
        slope = slope.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
        adam.step(x.detach(), slope, rate=rate * cosine)
    return best, best_cos2


class _Adam:
    """Adam (Kingma & Ba, 2015) with its usual decay rates.

    torch.optim's own costs two seconds at its first step: it imports a compiler.
    """

    def __init__(self, like: Tensor) -> None:
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)
        self.steps = 0

    def step(self, x: Tensor, slope: Tensor, *, rate: float) -> None:
        """Moves `x` in place against `slope`."""
        self.steps += 1
        self.mean.lerp_(slope, 0.1)
        self.square.lerp_(slope.square(), 0.001)
        unbiased = self.square / (1 - 0.999**self.steps)
        x -= rate / (1 - 0.9**self.steps) * self.mean / (unbiased.sqrt() + 1e-8)


def _closed_alignment(
    minimum: Minimum, closed: list[ClosedLayer], vectors: Tensor
) -> Callable[[Tensor], Tensor]:
    """A_k of every start of vector k, (k, s, ...) → (k, s), in closed form."""
    parts = [layer.split(vectors) for layer in closed]

    def alignment(x: Tensor) -> Tensor:
        passed = layers.sweep(minimum, closed, x.flatten(0, 1), create_graph=True)
        product = _paired_products(parts, passed, x.shape[:2])
        return product / layers.squared_norms(closed, passed).view(x.shape[:2]).sqrt()

    return alignment


def _paired_products(
    parts: list[tuple[Tensor | None, Tensor | None]], passed: LayerSweep, shape: torch.Size
) -> Tensor:
    """g·v_k for the starts that belong to v_k only, (k, s)."""
    total = passed.deltas[0].new_zeros(shape)
    for (weight, bias), a, delta in zip(parts, passed.activations, passed.deltas, strict=True):
        outer, a, delta = a.ndim == 3, a.reshape(*shape, -1), delta.reshape(*shape, -1)
        if weight is not None and outer:
            total = total + (a @ weight.flatten(1)[:, :, None])[:, :, 0]
        elif weight is not None:
            total = total + ((a @ weight.transpose(1, 2)) * delta).sum(dim=2)
        if bias is not None:
            total = total + (delta * bias[:, None]).sum(dim=2)
    return total


def _general_alignment(minimum: Minimum, vectors: Tensor) -> Callable[[Tensor], Tensor]:
    """A_k of every start of vector k, (k, s, ...) → (k, s), by one per-example backward pass."""
    theta = minimum.theta

    def one(x: Tensor) -> Tensor:
        def logits(q: Tensor) -> Tensor:
            return class_logits(minimum.logits(q, x[None]))

        linear = vjp(logits, theta)
        value, pullback = linear[0], linear[1]
        g: Tensor = pullback(own_class_residual(value).direction.to(value.dtype))[0]
        return g

    def alignment(x: Tensor) -> Tensor:
        g = vmap(one)(x.flatten(0, 1)).view(*x.shape[:2], -1)
        return torch.einsum("ksp,kp->ks", g, vectors) / torch.linalg.vector_norm(g, dim=2)

    return alignment
