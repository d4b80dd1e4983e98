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

from minimascope.curvature.products.activations import refuse_third


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    _cudnn: bool = True,
) -> Tensor | None:
    """`torch.nn.functional.layer_norm`; None for what torch shall do itself, or refuse."""
    shape = tuple(normalized_shape)
    if weight is None or not input.is_floating_point() or input.dtype != weight.dtype:
        return None
    if not shape or input.shape[-len(shape) :] != shape or weight.shape != shape:
        return None
    found: Tensor = _LayerNorm.apply(input, weight, eps)[0]
    return found if bias is None else found + bias


def _mean(values: Tensor, dims: int) -> Tensor:
    return values.mean(dim=tuple(range(-dims, 0)), keepdim=True)


def _projected(t: Tensor, n: Tensor, r: Tensor, dims: int) -> Tensor:
    """P(t), which is its own adjoint."""
    return r * (t - _mean(t, dims) - n * _mean(t * n, dims))


def _summed(values: Tensor, like: Tensor) -> Tensor:
    return values.sum_to_size(like.shape)


class _LayerNorm(Function):
    """x and w to n w, and to n and r."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        x, w, eps = args
        n, _, r = torch.native_layer_norm(x, w.shape, None, None, eps)
        return n * w, n, r

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, n, r = output
        ctx.mark_non_differentiable(n, r)
        ctx.save_for_backward(*inputs[:2], n, r)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return *_Pulled.apply(grad_outputs[0], *ctx.saved_tensors), None


class _Pulled(Function):
    """A cotangent g on n w to x̄ and w̄."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        g, _, w, n, r = args
        return _projected(g * w, n, r, w.ndim), _summed(g * n, w)

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        g, _, w, n, r = inputs
        ctx.save_for_backward(g, w, n, r)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        refuse_third()
        (g, w, n, r), (t, u) = ctx.saved_tensors, grad_outputs
        dims, a = w.ndim, g * w
        along, across = _mean(t * n, dims), _mean(a * n, dims)
        projected = r * (t - _mean(t, dims) - n * along)
        on_n = u * g - r * (t * across + a * along)
        bent = r * (_mean(t * a, dims) - _mean(t, dims) * _mean(a, dims) - along * across)
        on_x = _projected(on_n, n, r, dims) - bent * r * n
        return w * projected + u * n, on_x, _summed(g * projected, w), None, None
