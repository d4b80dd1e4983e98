"""Convolutions that can be differentiated for ever, each derivative by the kernel made for it.

A convolution is bilinear in images and weight; its two adjoints are bilinear too, and the
derivatives of each of the three are the other two. So three functions are closed under
differentiation. torch has a fast kernel for each of them, but its own second derivative makes the
weight's part by a kernel as large as the images, and what nobody asked for, such as the input's
part: it takes up to three times as long (docs/costs.md).

In float64 on a CPU torch multiplies one example at a time; wide convolutions are large matrix
products here, whose windows are gathered when they are needed rather than kept with the graph.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Size, Tensor
from torch.autograd import Function
from typing_extensions import override  # comes with torch

from minimascope.curvature.products.chain.windows import WindowShape, pair
from minimascope.curvature.products.own_forms import Pass

BLOCK_BYTES = 16 * 2**20  # of windows gathered at once

NARROW = 32  # channels, in or out
TINY = 2 * 10**6  # multiplications and additions of the whole batch: calls of Python take longer
SMALL = 10**7  # the same, beside those that gather windows
_ATEN = torch.ops.aten


def convolution(
    dimensions: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int | str = 0,
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
    *,
    within: Pass,
) -> Tensor | None:
    """`torch.conv2d` and its like, whose arguments have these names.

    None for what torch shall do itself, or refuse.
    """
    if isinstance(padding, str) or (input.ndim, weight.ndim) != 2 * (dimensions + 2,):
        return None
    if groups < 1 or input.shape[1] != groups * weight.shape[1] or len(weight) % groups:
        return None
    kinds = {each.dtype for each in (input, weight, bias) if each is not None}
    if len(kinds) > 1 or not input.is_floating_point():  # of complex ones adjoints are others
        return None
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    stride, padding, dilation = (_sizes(each, dimensions) for each in (stride, padding, dilation))
    geometry = Geometry(stride, padding, dilation, groups)
    if min(*geometry.stride, *geometry.dilation) < 1 or min(geometry.padding) < 0:
        return None
    places = geometry.output(input.shape[2:], weight.shape[2:])
    if min(places) < 1 or 2 * len(input) * math.prod(places) * weight.numel() < TINY:
        return None
    out = convolve(input, weight, _kernels(input, weight, geometry), within)
    return out if bias is None else out + bias.view(-1, *[1] * dimensions)


def _sizes(given: Sequence[int] | int, dimensions: int) -> tuple[int, ...]:
    found = (given,) if isinstance(given, int) else tuple(given)
    return found * dimensions if len(found) == 1 else found


@dataclass(frozen=True)
class Geometry:
    """As `nn.Conv2d` has it; the first three a number for each dimension."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def output(self, image: Sequence[int], kernel: Sequence[int]) -> list[int]:
        """How many positions it has; none where the kernel reaches beyond the padded image."""
        sides = zip(image, kernel, self.stride, self.padding, self.dilation, strict=True)
        return [
            (size + 2 * pad - gap * (reach - 1) - 1) // step + 1
            for size, reach, step, pad, gap in sides
        ]


def _kernels(input: Tensor, weight: Tensor, geometry: Geometry) -> Kernels:
    if input.ndim == 4 and geometry.groups == 1 and _is_slow(input):
        sides = geometry.stride, geometry.padding, geometry.dilation
        shape = WindowShape(input.shape[1:], *map(pair, (weight.shape[2:], *sides)))
        if _pays(len(input), len(weight), shape):
            return ByWindows(shape)
    return ByTorch(input.shape[1:], weight.shape, geometry)


def _is_slow(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float64 and tensor.device.type == "cpu"


def _pays(examples: int, channels: int, shape: WindowShape) -> bool:
    """Narrow or small convolutions are over before the calls of Python are."""
    operations = 2 * examples * shape.positions * shape.width * channels
    return min(shape.image[0], channels) >= NARROW and operations >= SMALL


class Kernels(Protocol):
    """A convolution of images (N, C, *image) with a weight (o, C/groups, *kernel), (N, o, *output),
    and its adjoints."""

    def output(self, images: Tensor, weight: Tensor) -> Tensor: ...

    def to_images(self, cotangent: Tensor, weight: Tensor) -> Tensor: ...

    def to_weight(self, cotangent: Tensor, images: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class ByTorch:
    """torch's own three kernels; `image`: (C, *image)."""

    image: Size
    weight: Size
    geometry: Geometry

    def output(self, images: Tensor, weight: Tensor) -> Tensor:
        found: Tensor = _ATEN.convolution(images, weight, None, *self._arguments)
        return found

    def to_images(self, cotangent: Tensor, weight: Tensor) -> Tensor:
        images = cotangent.new_empty(1).expand(len(cotangent), *self.image)
        found: Tensor = self._backward(cotangent, images, weight, [True, False, False])[0]
        return found

    def to_weight(self, cotangent: Tensor, images: Tensor) -> Tensor:
        weight = cotangent.new_empty(1).expand(self.weight)
        found: Tensor = self._backward(cotangent, images, weight, [False, True, False])[1]
        return found

    def _backward(
        self, cotangent: Tensor, images: Tensor, weight: Tensor, wanted: list[bool]
    ) -> Any:
        given = cotangent, images, weight, None
        return _ATEN.convolution_backward(*given, *self._arguments, wanted)

    @property
    def _arguments(self) -> tuple[Any, ...]:
        of = self.geometry
        none = (0,) * len(of.stride)  # added to the output of a transposed one
        return of.stride, of.padding, of.dilation, False, none, of.groups


@dataclass(frozen=True)
class ByWindows:
    """Matrix products of the images' windows, a few examples' at a time; no groups."""

    shape: WindowShape

    def output(self, images: Tensor, weight: Tensor) -> Tensor:
        shape = self.shape
        matrix = shape.matrices(weight[None])[0].T.contiguous()
        out = images.new_empty(len(images), len(weight), *shape.output)
        for part in self._blocks(len(images)):
            rows = self._columns(images[part]) @ matrix
            out[part] = shape.images(rows.unflatten(0, (-1, shape.positions)))
        return out

    def to_images(self, cotangent: Tensor, weight: Tensor) -> Tensor:
        shape = self.shape
        matrix = shape.matrices(weight[None])[0].contiguous()
        images = cotangent.new_empty(len(cotangent), *shape.image)
        for part in self._blocks(len(cotangent)):
            columns = (_rows(cotangent[part]) @ matrix).view(-1, shape.positions, matrix.shape[1])
            frame = columns.new_empty(len(columns), *shape.frame)
            images[part] = shape.spread(columns, frame)
        return images

    def to_weight(self, cotangent: Tensor, images: Tensor) -> Tensor:
        total = cotangent.new_zeros(cotangent.shape[1], self.shape.width)
        for part in self._blocks(len(images)):
            total.addmm_(_rows(cotangent[part]).T, self._columns(images[part]))
        return self.shape.matrices_back(total[None])[0]

    def _blocks(self, count: int) -> Iterator[slice]:
        """Examples whose windows fit a cache together."""
        size = max(1, BLOCK_BYTES // (8 * self.shape.positions * self.shape.width))
        return (slice(start, start + size) for start in range(0, count, size))

    def _columns(self, images: Tensor) -> Tensor:
        """(N·T, d)."""
        shape = self.shape
        framed = shape.framed(images, images.new_empty(len(images), *shape.frame))
        return shape.windows(framed).reshape(len(images) * shape.positions, -1)


def _rows(output: Tensor) -> Tensor:
    """(N, o, *output) as (N·T, o)."""
    return output.permute(0, 2, 3, 1).reshape(-1, output.shape[1])


def convolve(images: Tensor, weight: Tensor, kernels: Kernels, within: Pass) -> Tensor:
    """Images (N, C, *image) convolved with a weight (o, C/groups, *kernel): (N, o, *output)."""
    return _ToOutput.apply(images, weight, kernels, within)


class _Bilinear(Function):
    """Two tensors and kernels to one tensor."""

    by_example = True  # what comes of each example of the first tensor is its own

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.kernels = inputs[2]

    @classmethod
    def each(cls, info: Any, in_dims: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
        """The rule for vmap: a batch as more examples where it is one, else one by one."""
        tensors, others = args[:2], args[2:]
        count = info.batch_size
        if cls.by_example and in_dims[0] is not None and in_dims[1] is None:
            examples = tensors[0].movedim(in_dims[0], 0).flatten(0, 1)
            return cls.apply(examples, tensors[1], *others).unflatten(0, (count, -1)), 0
        rows = []
        for k in range(count):
            at = [
                tensor if dim is None else tensor.select(dim, k)
                for tensor, dim in zip(tensors, in_dims, strict=False)
            ]
            rows.append(cls.apply(*at, *others))
        return torch.stack(rows), 0


class _ToOutput(_Bilinear):
    """Images and weight to output; `within` a pass, or in a derivative (None)."""

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        images, weight, kernels, _ = args
        return kernels.output(images, weight)

    @staticmethod
    @override
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        *tensors, ctx.kernels, ctx.within = inputs
        linear = ctx.within is not None and ctx.within.linear
        ctx.save_for_backward(*([each.detach() for each in tensors] if linear else tensors))

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        if ctx.within is not None:
            ctx.within.check_over()
        (images, weight), (cotangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToImages.apply(cotangent, weight, ctx.kernels) if wanted[0] else None,
            _ToWeight.apply(cotangent, images, ctx.kernels) if wanted[1] else None,
            None,
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
        cotangent, weight, kernels = args
        return kernels.to_images(cotangent, weight)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (cotangent, weight), (tangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToOutput.apply(tangent, weight, ctx.kernels, None) if wanted[0] else None,
            _ToWeight.apply(cotangent, tangent, ctx.kernels) if wanted[1] else None,
            None,
        )

    @staticmethod
    @override
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _ToImages.each(info, in_dims, args)


class _ToWeight(_Bilinear):
    """Output cotangent and images to weight cotangent."""

    by_example = False

    @staticmethod
    @override
    def forward(*args: Any, **kwargs: Any) -> Any:
        cotangent, images, kernels = args
        return kernels.to_weight(cotangent, images)

    @staticmethod
    @override
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (cotangent, images), (tangent,) = ctx.saved_tensors, grad_outputs
        wanted = ctx.needs_input_grad
        return (
            _ToOutput.apply(images, tangent, ctx.kernels, None) if wanted[0] else None,
            _ToImages.apply(cotangent, tangent, ctx.kernels) if wanted[1] else None,
            None,
        )

    @staticmethod
    @override
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        return _ToWeight.each(info, in_dims, args)
