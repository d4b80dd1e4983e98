"""How linear layers and convolutions are matrices: applied at every position of an example.

A convolution is the matrix of its kernel applied to windows of its input, gathered once a chunk
for the input at the minimum and once a product for its tangent. In float64 torch's own
convolution multiplies one example at a time; one large product is several times faster.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from workers.curvature.arena import Scratch


class Positions(Protocol):
    """Input, output and weight of a layer as matrices; N examples, or tangents of them."""

    def columns(self, given: Tensor) -> Tensor:
        """Input as (N, T, d): what the matrix multiplies at each of T positions."""

    def columns_back(self, columns: Tensor) -> Tensor:
        """The adjoint of `columns`."""

    def outputs(self, rows: Tensor) -> Tensor:
        """(N, T, o) in the layout of the layer's output."""

    def outputs_back(self, D: Tensor) -> Tensor:
        """The inverse of `outputs`."""

    def matrices(self, weights: Tensor) -> Tensor:
        """(b, *shape) weights as (b, o, d)."""

    def matrices_back(self, matrices: Tensor) -> Tensor:
        """The inverse of `matrices`."""


class Plain:
    """nn.Linear on (N, ..., d)."""

    def __init__(self, layer: nn.Linear, given: Tensor) -> None:
        self._between = given.shape[1:-1]

    def columns(self, given: Tensor) -> Tensor:
        return given.reshape(given.shape[0], -1, given.shape[-1])

    def columns_back(self, columns: Tensor) -> Tensor:
        return columns.reshape(columns.shape[0], *self._between, -1)

    def outputs(self, rows: Tensor) -> Tensor:
        return rows.reshape(rows.shape[0], *self._between, rows.shape[-1])

    def outputs_back(self, D: Tensor) -> Tensor:
        return D.reshape(D.shape[0], -1, D.shape[-1])

    def matrices(self, weights: Tensor) -> Tensor:
        return weights

    def matrices_back(self, matrices: Tensor) -> Tensor:
        return matrices


class Windows:
    """nn.Conv2d on (N, C, H, W), held with channels last."""

    def __init__(self, layer: nn.Conv2d, given: Tensor, scratch: Scratch) -> None:
        assert not isinstance(layer.padding, str)
        self._kernel, self._stride = _pair(layer.kernel_size), _pair(layer.stride)
        self._padding, self._dilation = _pair(layer.padding), _pair(layer.dilation)
        self._input, self._scratch = given.shape[1:], scratch
        self._output = tuple(
            (size + 2 * pad - gap * (reach - 1) - 1) // step + 1
            for size, pad, gap, reach, step in zip(
                given.shape[2:],
                self._padding,
                self._dilation,
                self._kernel,
                self._stride,
                strict=True,
            )
        )

    def columns(self, given: Tensor) -> Tensor:
        C, H, W = self._input
        (top, left), (down, right), (dy, dx) = self._padding, self._stride, self._dilation
        padded = self._padded("padded", given)
        padded[:, top : top + H, left : left + W].copy_(given.permute(0, 2, 3, 1))
        n, y, x, c = padded.stride()
        windows = padded.as_strided(
            (given.shape[0], *self._output, *self._kernel, C),
            (n, y * down, x * right, y * dy, x * dx, c),
        )
        gathered = self._scratch.take("columns", windows.shape, given).copy_(windows)
        return gathered.view(given.shape[0], self._output[0] * self._output[1], -1)

    def columns_back(self, columns: Tensor) -> Tensor:
        C, H, W = self._input
        (top, left), (down, right), (dy, dx) = self._padding, self._stride, self._dilation
        height, width = self._output
        windows = columns.view(-1, height, width, *self._kernel, C)
        padded = self._padded("spread", columns)
        for i in range(self._kernel[0]):
            for j in range(self._kernel[1]):
                rows = slice(i * dy, i * dy + (height - 1) * down + 1, down)
                across = slice(j * dx, j * dx + (width - 1) * right + 1, right)
                padded[:, rows, across] += windows[:, :, :, i, j]
        return padded[:, top : top + H, left : left + W].permute(0, 3, 1, 2)

    def outputs(self, rows: Tensor) -> Tensor:
        return rows.view(rows.shape[0], *self._output, -1).permute(0, 3, 1, 2)

    def outputs_back(self, D: Tensor) -> Tensor:
        return D.permute(0, 2, 3, 1).reshape(D.shape[0], -1, D.shape[1])

    def matrices(self, weights: Tensor) -> Tensor:
        return weights.permute(0, 1, 3, 4, 2).flatten(2)

    def matrices_back(self, matrices: Tensor) -> Tensor:
        shape = (*self._kernel, self._input[0])
        return matrices.unflatten(2, shape).permute(0, 1, 4, 2, 3)

    def _padded(self, role: str, like: Tensor) -> Tensor:
        """Zeros for inputs with their padding, channels last."""
        C, H, W = self._input
        shape = (like.shape[0], H + 2 * self._padding[0], W + 2 * self._padding[1], C)
        return self._scratch.take(role, shape, like).zero_()


def _pair(given: tuple[int, ...]) -> tuple[int, int]:
    return (given[0], given[1])
