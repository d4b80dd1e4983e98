"""The windows of a convolution: its input as a matrix that the kernel is multiplied with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class WindowShape:
    """A convolution without groups on images (C, H, W); the rest as `nn.Conv2d` has it."""

    image: Sequence[int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        height, width = (
            (size + 2 * pad - gap * (reach - 1) - 1) // step + 1
            for size, pad, gap, reach, step in zip(
                self.image[1:], self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        return height, width

    @property
    def positions(self) -> int:
        """T, how many windows an image has."""
        return self.output[0] * self.output[1]

    @property
    def width(self) -> int:
        """d, how many numbers a window has."""
        return self.kernel[0] * self.kernel[1] * self.image[0]

    @property
    def frame(self) -> tuple[int, int, int]:
        """(H, W, C) of an image with its padding, channels last."""
        C, H, W = self.image
        return H + 2 * self.padding[0], W + 2 * self.padding[1], C

    def framed(self, images: Tensor, into: Tensor) -> Tensor:
        """(N, C, H, W) images written into (N, *frame), zeros around them."""
        _, H, W = self.image
        top, left = self.padding
        if top or left:
            into.zero_()
        into[:, top : top + H, left : left + W].copy_(images.permute(0, 2, 3, 1))
        return into

    def windows(self, framed: Tensor) -> Tensor:
        """A view (N, *output, *kernel, C) of (N, *frame)."""
        (down, right), (dy, dx) = self.stride, self.dilation
        n, y, x, c = framed.stride()
        return framed.as_strided(
            (framed.shape[0], *self.output, *self.kernel, self.image[0]),
            (n, y * down, x * right, y * dy, x * dx, c),
        )

    def spread(self, columns: Tensor, into: Tensor) -> Tensor:
        """The adjoint of gathering: (N, T, d) columns added up in (N, *frame); (N, C, H, W)."""
        C, H, W = self.image
        (top, left), (down, right), (dy, dx) = self.padding, self.stride, self.dilation
        height, width = self.output
        windows = columns.view(-1, height, width, *self.kernel, C)
        into.zero_()
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                rows = slice(i * dy, i * dy + (height - 1) * down + 1, down)
                across = slice(j * dx, j * dx + (width - 1) * right + 1, right)
                into[:, rows, across] += windows[:, :, :, i, j]
        return into[:, top : top + H, left : left + W].permute(0, 3, 1, 2)

    def images(self, rows: Tensor) -> Tensor:
        """(N, T, o) as (N, o, *output)."""
        return rows.view(rows.shape[0], *self.output, -1).permute(0, 3, 1, 2)

    def matrices(self, weights: Tensor) -> Tensor:
        """(b, o, C, *kernel) weights as (b, o, d), in the order of a window."""
        return weights.permute(0, 1, 3, 4, 2).flatten(2)

    def matrices_back(self, matrices: Tensor) -> Tensor:
        """The inverse of `matrices`."""
        return matrices.unflatten(2, (*self.kernel, self.image[0])).permute(0, 1, 4, 2, 3)


def pair(given: Sequence[int] | int) -> tuple[int, int]:
    """A setting for both directions."""
    if isinstance(given, int):
        return given, given
    return given[0], given[-1]
