"""Convolutions in float64 on a CPU as large matrix products that can be differentiated for ever.

There torch multiplies one example at a time and takes about twice as long. A convolution is
bilinear in images and weight; its two adjoints are bilinear too, and the derivatives of each of
the three are the other two. So three functions are closed under differentiation, and windows are
gathered when they are needed rather than kept with the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode
from typing_extensions import override  # comes with torch

from minimascope.curvature.products.chain.windows import WindowShape, pair

BLOCK_BYTES = 16 * 2**20  # of windows gathered at once

NARROW = 16  # channels, in or out
SMALL = 10**7  # multiplications and additions of the whole batch
CONVOLUTIONS = (torch.conv2d, torch.ops.aten.conv2d.default)


class QuickConvolutions(TorchFunctionMode):
    """Within it, `conv2d` of float64 images on a CPU goes through `convolve` where that pays."""

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in CONVOLUTIONS:
            found = _conv2d(*args, **(kwargs or {}))
            if found is not None:
                return found
        return func(*args, **(kwargs or {}))


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int | str = 0,
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
) -> Tensor | None:
    """`torch.conv2d`, whose arguments have these names; None for what torch shall do itself."""
    if isinstance(padding, str) or groups != 1 or (input.ndim, weight.ndim) != (4, 4):
        return None
    if not _is_slow(input) or not _is_slow(weight) or input.shape[1] != weight.shape[1]:
        return None
    if min(*pair(stride), *pair(dilation)) < 1 or min(pair(padding)) < 0:
        return None
    shape = WindowShape(
        input.shape[1:], pair(weight.shape[2:]), pair(stride), pair(padding), pair(dilation)
    )
    if min(shape.output) < 1 or not _pays(len(input), len(weight), shape):
        return None
    out = convolve(input, weight, shape)
    return out if bias is None else out + bias[:, None, None]


def _is_slow(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float64 and tensor.device.type == "cpu"


def _pays(examples: int, channels: int, shape: WindowShape) -> bool:
    """Narrow or small convolutions are over before the calls of Python are."""
    operations = 2 * examples * shape.positions * shape.width * channels
    return min(shape.image[0], channels) >= NARROW and operations >= SMALL


def convolve(images: Tensor, weight: Tensor, shape: WindowShape) -> Tensor:
    """Images (N, C, H, W) convolved with a weight (o, C, *kernel): (N, o, *output)."""
    return _ToOutput.apply(images, weight, shape)


class _Bilinear(Function):
    """Two tensors and a shape to one tensor; a batch of them one by one."""

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.shape = inputs[2]

    @classmethod
    def each(cls, info: Any, in_dims: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
        """The rule for vmap."""
        *tensors, shape = args
        rows = []
        for k in range(info.batch_size):
            at = [
                tensor if dim is None else tensor.select(dim, k)
                for tensor, dim in zip(tensors, in_dims, strict=False)
            ]
            rows.append(cls.apply(*at, shape))
        return torch.stack(rows), 0


class _ToOutput(_Bilinear):
    """Images and weight to output."""

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        return _output(*args)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (images, weight), (cotangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToImages.apply(cotangent, weight, ctx.shape) if wanted[0] else None,
            _ToWeight.apply(cotangent, images, ctx.shape) if wanted[1] else None,
            None,
        )

    @staticmethod
    @override
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _ToOutput.each(info, in_dims, args)


class _ToImages(_Bilinear):
    """Output cotangent and weight to image cotangent."""

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        return _image_cotangent(*args)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (cotangent, weight), (tangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToOutput.apply(tangent, weight, ctx.shape) if wanted[0] else None,
            _ToWeight.apply(cotangent, tangent, ctx.shape) if wanted[1] else None,
            None,
        )

    @staticmethod
    @override
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _ToImages.each(info, in_dims, args)


class _ToWeight(_Bilinear):
    """Output cotangent and images to weight cotangent."""

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        return _weight_cotangent(*args)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (cotangent, images), (tangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToOutput.apply(images, tangent, ctx.shape) if wanted[0] else None,
            _ToImages.apply(cotangent, tangent, ctx.shape) if wanted[1] else None,
            None,
        )

    @staticmethod
    @override
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _ToWeight.each(info, in_dims, args)


def _output(images: Tensor, weight: Tensor, shape: WindowShape) -> Tensor:
    matrix = shape.matrices(weight[None])[0].T.contiguous()
    out = images.new_empty(len(images), len(weight), *shape.output)
    for part in _blocks(len(images), shape):
        rows = _columns(images[part], shape) @ matrix
        out[part] = shape.images(rows.unflatten(0, (-1, shape.positions)))
    return out


def _image_cotangent(cotangent: Tensor, weight: Tensor, shape: WindowShape) -> Tensor:
    matrix = shape.matrices(weight[None])[0].contiguous()
    images = cotangent.new_empty(len(cotangent), *shape.image)
    for part in _blocks(len(cotangent), shape):
        columns = (_rows(cotangent[part]) @ matrix).view(-1, shape.positions, matrix.shape[1])
        frame = columns.new_empty(len(columns), *shape.frame)
        images[part] = shape.spread(columns, frame)
    return images


def _weight_cotangent(cotangent: Tensor, images: Tensor, shape: WindowShape) -> Tensor:
    total = cotangent.new_zeros(cotangent.shape[1], shape.width)
    for part in _blocks(len(images), shape):
        total.addmm_(_rows(cotangent[part]).T, _columns(images[part], shape))
    return shape.matrices_back(total[None])[0]


def _blocks(count: int, shape: WindowShape) -> Iterator[slice]:
    """Examples whose windows fit a cache together."""
    size = max(1, BLOCK_BYTES // (8 * shape.positions * shape.width))
    return (slice(start, start + size) for start in range(0, count, size))


def _columns(images: Tensor, shape: WindowShape) -> Tensor:
    """(N·T, d)."""
    framed = shape.framed(images, images.new_empty(len(images), *shape.frame))
    return shape.windows(framed).reshape(len(images) * shape.positions, -1)


def _rows(output: Tensor) -> Tensor:
    """(N, o, *output) as (N·T, o)."""
    return output.permute(0, 2, 3, 1).reshape(-1, output.shape[1])
