"""GELU and SiLU whose two derivatives are computed once, when the graph is built.

y = f(x) has ∂y = f'(x), and a Hessian product asks for f''(x) too, in every product at the same x.
torch works both out anew from a dozen operations each time; from what is kept here a product is two
multiplications, which take a tenth of the time (docs/costs.md).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from typing_extensions import override  # comes with torch

from minimascope.curvature.products.own_forms import Pass, refuse_third

Derivatives = tuple[Tensor, Tensor, Tensor]  # f, f', f'' at x
CUBIC = 0.044715  # of the approximation by tanh (Hendrycks and Gimpel, 2016)


def gelu(input: Tensor, approximate: str = "none", *, within: Pass) -> Tensor | None:
    """`torch.nn.functional.gelu`; None for what torch shall refuse."""
    makers = {"none": _gelu, "tanh": _gelu_by_tanh}
    if approximate not in makers or not input.is_floating_point():
        return None
    return _applied(input, makers[approximate], within=within)


def silu(input: Tensor, inplace: bool = False, *, within: Pass) -> Tensor | None:
    """`torch.nn.functional.silu`; None for what torch shall do itself."""
    if inplace or not input.is_floating_point():
        return None
    return _applied(input, _silu, within=within)


def _applied(x: Tensor, derivatives: Any, *, within: Pass) -> Tensor:
    with torch.no_grad():
        y, first, second = derivatives(x.detach())
    # The second stands for nothing where only the cotangent moves; the first is kept anyway.
    return _Elementwise.apply(x, y, first, first if within.linear else second, within)


def _gelu(x: Tensor) -> Derivatives:
    below = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    bell = torch.exp(-0.5 * x.square()) / math.sqrt(2 * math.pi)
    return torch.nn.functional.gelu(x), below + x * bell, bell * (2 - x.square())


def _gelu_by_tanh(x: Tensor) -> Derivatives:
    k = math.sqrt(2 / math.pi)
    t = torch.tanh(k * (x + CUBIC * x**3))
    slope, bend = k * (1 + 3 * CUBIC * x.square()), 6 * k * CUBIC * x  # of what is in it
    rise = 1 - t.square()
    first = 0.5 * (1 + t) + 0.5 * x * rise * slope
    second = rise * slope + 0.5 * x * rise * (bend - 2 * t * slope.square())
    return torch.nn.functional.gelu(x, approximate="tanh"), first, second


def _silu(x: Tensor) -> Derivatives:
    s = torch.sigmoid(x)
    first = s * (1 + x * (1 - s))
    return torch.nn.functional.silu(x), first, s * (1 - s) * (2 + x * (1 - 2 * s))


class _Elementwise(Function):
    """y at x, with f' and f'' for later."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        return args[1].clone()

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, _, first, second, ctx.within = inputs
        ctx.save_for_backward(x.detach() if ctx.within.linear else x, first, second)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        ctx.within.check_over()
        return _Scaled.apply(grad_outputs[0], *ctx.saved_tensors)[0], None, None, None, None


class _Scaled(Function):
    """A cotangent times f', and times f'' for later: neither changes from product to product."""

    generate_vmap_rule = True

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        cotangent, _, first, second = args
        bend = first.new_empty(0) if second is first else cotangent * second
        return cotangent * first, bend

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(inputs[2], output[1])

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        refuse_third()
        (first, bend), tangent = ctx.saved_tensors, grad_outputs[0]
        return tangent * first, tangent * bend if ctx.needs_input_grad[1] else None, None, None
