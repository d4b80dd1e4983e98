"""Layer normalisation with its second derivative in closed form.

With D numbers of mean μ, r = (var + ε)^−½, n = r (x − μ) and P(t) = r (t − mean t − n mean(t n)):

    y = n w + b;  from a cotangent g:  x̄ = P(g w),  w̄ = Σ g n,  b̄ = Σ g.

Tangents (t, u, s) on (x̄, w̄, b̄) give, with a = g w and q = r D (mean(t a) − mean t mean a −
mean(t n) mean(a n)):

    on g: w P(t) + u n + s    on w: Σ g P(t)
    on x: P(u g − r (t mean(a n) + a mean(t n))) − q r n / D

torch has no such form: its second derivative goes through every operation of the first one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from typing_extensions import override  # comes with torch

from minimascope.curvature.products.own_forms import Pass, refuse_third


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    _cudnn: bool = True,
    *,
    within: Pass,
) -> Tensor | None:
    """`torch.nn.functional.layer_norm`; None for what torch shall do itself, or refuse."""
    shape = tuple(normalized_shape)
    if weight is None or not input.is_floating_point() or input.dtype != weight.dtype:
        return None
    if not shape or input.shape[-len(shape) :] != shape or weight.shape != shape:
        return None
    if bias is not None and (bias.shape, bias.dtype) != (shape, input.dtype):
        return None
    found: Tensor = _LayerNorm.apply(input, weight, eps, within)[0]
    return found if bias is None else found + bias


def _mean(values: Tensor, dims: int) -> Tensor:
    return values.mean(dim=tuple(range(-dims, 0)), keepdim=True)


def _projected(t: Tensor, mean: Tensor, along: Tensor, n: Tensor, r: Tensor) -> Tensor:
    """P(t), which is its own adjoint, from mean t and mean(t n).

    In place where it can be, which saves memory to write to.
    """
    return (t - mean).sub_(n * along).mul_(r)


def _summed(values: Tensor, like: Tensor) -> Tensor:
    return values.sum_to_size(like.shape)


class _LayerNorm(Function):
    """x and w to n w, and to n and r."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        x, w, eps, _ = args
        n, _, r = torch.native_layer_norm(x, w.shape, None, None, eps)
        return n * w, n, r

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, n, r = output
        ctx.mark_non_differentiable(n, r)
        x, w, _, ctx.within = inputs
        kept = (x.detach(), w.detach()) if ctx.within.linear else (x, w)
        ctx.save_for_backward(*kept, n, r)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        ctx.within.check_over()
        return *_Pulled.apply(grad_outputs[0], *ctx.saved_tensors)[:2], None, None


class _Pulled(Function):
    """A cotangent g on n w to x̄ and w̄, and to mean a and mean(a n) for later."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        g, _, w, n, r = args
        a = g * w
        mean, across = _mean(a, w.ndim), _mean(a * n, w.ndim)
        return _projected(a, mean, across, n, r), _summed(g * n, w), mean, across

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        g, _, w, n, r = inputs
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(g, w, n, r, *output[2:])

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        refuse_third()
        (g, w, n, r, mean_a, across), (t, u) = ctx.saved_tensors, grad_outputs[:2]
        mean_t, along = _mean(t, w.ndim), _mean(t * n, w.ndim)
        projected = _projected(t, mean_t, along, n, r)
        on_g = (w * projected).add_(n * u)
        if not any(ctx.needs_input_grad[1:3]):
            return on_g, None, None, None, None
        on_w, a = _summed(g * projected, w), g * w
        bent = r * (_mean(t * a, w.ndim) - mean_t * mean_a - along * across)
        on_n = (t * across).add_(a * along).mul_(-r).add_(g * u)
        means = _mean(on_n, w.ndim), _mean(on_n * n, w.ndim)
        on_x = _projected(on_n, *means, n, r).sub_(bent * r * n)
        return on_g, on_x, on_w, None, None
