"""What operations of torch are, as steps: which of them a network may consist of to be bounded.

Every reader takes one recorded call, whose tensors are float64 on the CPU and whose first axis is
the batch, and gives its step, or None where the call is of no known kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from minimascope.boundary.certificates.steps import (
    Activation,
    Added,
    Affine,
    Function,
    Maximum,
    Step,
)

aten = torch.ops.aten


@dataclass(frozen=True)
class Call:
    """One operation on `args`; `given` says which of them are values of the network, by position.

    `out` is the result's shape for a batch of `batch` examples.
    """

    function: Callable[..., Any]
    name: str
    args: Sequence[Any]
    named: dict[str, Any]
    given: dict[int, int]
    out: torch.Size
    batch: int

    def argument(self, place: int, name: str, otherwise: Any = None) -> Any:
        """By position or by name."""
        return self.args[place] if place < len(self.args) else self.named.get(name, otherwise)

    @property
    def into(self) -> torch.Size:
        """Shape of one example of the first value."""
        return torch.Size(self.args[min(self.given)].shape[1:])

    def keeps_examples(self) -> bool:
        """Whether its result still has a row an example."""
        first = self.args[min(self.given)].shape[:1]
        return first == self.out[:1] == (self.batch,)


def step_of(call: Call) -> Step | None:
    """The step of a call; None where it cannot be bounded."""
    reader = READERS.get(call.name)
    if reader is None or not call.keeps_examples():
        return None
    return reader(call)


def _transposed(linear: Function, into: torch.Size) -> Function:
    """The adjoint of a linear function, by reverse differentiation."""

    def adjoint(forms: Tensor) -> Tensor:
        with torch.enable_grad():
            origin = forms.new_zeros(len(forms), *into, requires_grad=True)
            return torch.autograd.grad(linear(origin), origin, forms)[0]

    return adjoint


def _affine(
    call: Call,
    linear: Function,
    absolute: Function,
    *,
    adjoint: Function | None = None,
    offset: Tensor | None = None,
    rounds: bool = True,
) -> Affine:
    into, out = call.into, call.out[1:]
    length = max(math.prod(into), math.prod(out)) if rounds else 0
    back = adjoint or _transposed(linear, into)
    start = min(call.given.values())
    return Affine(start, into, out, linear, absolute, back, length, offset)


def _addmm(call: Call) -> Step | None:
    if set(call.given) != {1} or call.named:
        return None
    return _matrix(call, call.args[2], call.args[0])


def _mm(call: Call) -> Step | None:
    return _matrix(call, call.args[1], None) if set(call.given) == {0} else None


def _matrix(call: Call, weight: Tensor, offset: Tensor | None) -> Step | None:
    if offset is not None and offset.ndim > 1 and offset.shape[0] != 1:
        return None  # another offset for each example
    size = weight.abs()
    shift = None if offset is None else offset.reshape(-1).expand(weight.shape[1])
    return _affine(
        call,
        lambda x: x @ weight,
        lambda x: x @ size,
        adjoint=lambda forms: forms @ weight.T,
        offset=shift,
    )


def _convolution(call: Call) -> Step | None:
    _, weight, offset, stride, padding, dilation, transposed, extra, groups = call.args
    if set(call.given) != {0} or transposed:
        return None
    into, size = call.into, weight.abs()
    rest = (stride, padding, dilation, transposed, extra, groups)

    def adjoint(forms: Tensor) -> Tensor:
        like = forms.new_empty(1).expand(len(forms), *into)
        only = [True, False, False]
        return aten.convolution_backward(forms, like, weight, None, *rest, only)[0]

    shift = None
    if offset is not None:
        shift = offset.reshape(-1, *[1] * (len(into) - 1)).expand(call.out[1:])
    return _affine(
        call,
        lambda x: aten.convolution(x, weight, None, *rest),
        lambda x: aten.convolution(x, size, None, *rest),
        adjoint=adjoint,
        offset=shift,
    )


def _batch_norm(call: Call) -> Step | None:
    _, weight, shift, mean, variance, *rest = call.args
    training, eps = (False, rest[1]) if "no_training" in call.name else (rest[0], rest[2])
    if set(call.given) != {0} or training or mean is None:
        return None
    scale = torch.rsqrt(variance + eps)
    scale = scale if weight is None else scale * weight
    moved = -mean * scale if shift is None else shift - mean * scale
    shape = (-1, *[1] * (len(call.into) - 1))
    return _scaled(call, scale.view(shape), offset=moved.view(shape).expand(call.out[1:]))


def _scaled(call: Call, scale: Tensor | float, *, offset: Tensor | None = None) -> Affine:
    size = abs(scale)
    return _affine(
        call,
        lambda x: x * scale,
        lambda x: x * size,
        adjoint=lambda forms: forms * scale,
        offset=offset,
    )


def _mean(call: Call) -> Step | None:
    """Pooling by averages, means, sums, zeros around: weights that are not negative."""
    dims = call.argument(1, "dim") if call.name in ("mean", "sum") else None
    if call.name in ("mean", "sum"):
        axes = len(call.into) + 1
        if not dims or any(dim % axes == 0 for dim in dims):
            return None
    if call.name == "constant_pad_nd" and call.argument(2, "value", 0) != 0:
        return None
    if call.name == "constant_pad_nd" and len(call.args[1]) > 2 * len(call.into):
        return None
    function, rest, named = call.function, call.args[1:], call.named
    linear: Function = lambda x: function(x, *rest, **named)  # noqa: E731
    return _affine(call, linear, linear)


def _reshaped(call: Call) -> Step | None:
    into, out = call.into, call.out[1:]
    if math.prod(into) != math.prod(out):
        return None
    forward: Function = lambda x: x.reshape(-1, *out)  # noqa: E731
    return _affine(call, forward, forward, adjoint=lambda a: a.reshape(-1, *into), rounds=False)


def _moved(call: Call) -> Step | None:
    """Axes exchanged, parts taken; never of the batch."""
    axes = len(call.into) + 1
    if call.name == "permute":
        free = call.args[1][0] % axes == 0
    elif call.name == "transpose":
        free = all(dim % axes for dim in call.args[1:3])
    else:
        free = bool(call.argument(1, "dim", 0) % axes)
    if not free:
        return None
    function, rest, named = call.function, call.args[1:], call.named
    linear: Function = lambda x: function(x, *rest, **named)  # noqa: E731
    return _affine(call, linear, linear, rounds=False)


def _constant(call: Call, value: Any) -> Tensor | None:
    """A number or tensor that is the same for every example, as one of them (*out)."""
    if isinstance(value, (int, float)):
        return torch.full(call.out[1:], float(value), dtype=torch.float64)
    if not isinstance(value, Tensor) or call.out[1:] != call.into:
        return None
    if value.ndim == len(call.out):
        if value.shape[0] != 1:
            return None
        value = value[0]
    return value.double().expand(call.out[1:]) if value.ndim < len(call.out) else None


def _times(call: Call) -> Step | None:
    if len(call.given) != 1:
        return None
    place = min(call.given)
    if call.name == "div" and (place or call.named):
        return None
    constant = _constant(call, call.args[1 - place])
    if constant is None:
        return None
    return _scaled(call, 1 / constant if call.name == "div" else constant)


def _sum(call: Call) -> Step | None:
    """x + factor·y, of two values or of a value and a constant."""
    factor = call.argument(2, "alpha", 1) * (1 if call.name.startswith("add") else -1)
    if set(call.given) == {0, 1}:
        if call.args[0].shape != call.args[1].shape:
            return None
        return Added(call.given[0], call.given[1], float(factor), call.out[1:])
    place = min(call.given)
    constant = _constant(call, call.args[1 - place])
    if constant is None:
        return None
    if place == 0:
        return _scaled(call, 1.0, offset=factor * constant)
    return _scaled(call, float(factor), offset=constant)


def _activation(call: Call) -> Step | None:
    name, slope = call.name.removesuffix("_"), 0.0
    if name == "leaky_relu":
        slope = float(call.argument(1, "negative_slope", 0.01))
        if not 0 <= slope <= 1:
            return None
    if name == "gelu" and call.argument(1, "approximate", "none") != "none":
        return None
    return Activation(min(call.given.values()), call.out[1:], name, slope)


def _maximum(call: Call) -> Step | None:
    into, out = call.into, call.out[1:]
    if len(into) != 3 or len(out) != 3:
        return None
    size = _pair(call.args[1])
    stride = _pair(call.argument(2, "stride") or size)
    padding, dilation = (_pair(call.argument(i, "", w)) for i, w in ((3, 0), (4, 1)))
    places = torch.arange(1, into[1] * into[2] + 1, dtype=torch.float64).view(1, 1, *into[1:])
    found = torch.nn.functional.unfold(places, size, dilation, padding, stride)[0].long() - 1
    if found.shape[1] != out[1] * out[2]:
        return None  # windows that reach beyond the padding
    windows = found.T[None] + torch.arange(into[0])[:, None, None] * (into[1] * into[2])
    windows = torch.where(found.T[None] < 0, -1, windows).flatten(0, 1)
    return Maximum(min(call.given.values()), into, out, windows)


def _pair(value: Any) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * 2 if len(values) == 1 else values


Reader = Callable[[Call], Step | None]
# Their results are the very value they are given.
SAME = frozenset({"alias", "clone", "contiguous", "detach", "lift_fresh", "_to_copy"})
READERS: dict[str, Reader] = {
    "addmm": _addmm,
    "mm": _mm,
    "convolution": _convolution,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    **dict.fromkeys(("avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d"), _mean),
    **dict.fromkeys(("mean", "sum", "constant_pad_nd"), _mean),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze"), _reshaped),
    **dict.fromkeys(("permute", "transpose", "slice", "select"), _moved),
    **dict.fromkeys(("mul", "div"), _times),
    **dict.fromkeys(("add", "sub", "add_"), _sum),
    **dict.fromkeys(("relu", "relu_", "leaky_relu", "leaky_relu_"), _activation),
    **dict.fromkeys(("tanh", "tanh_", "sigmoid", "sigmoid_"), _activation),
    **dict.fromkeys(("gelu", "silu", "silu_"), _activation),
    "max_pool2d_with_indices": _maximum,
}
