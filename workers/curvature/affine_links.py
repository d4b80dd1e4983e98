"""Linear layers and convolutions as links: matrices applied at every position of an example.

A convolution is the matrix of its kernel applied to windows of its input, gathered once a chunk
for the input at the minimum and once a product for its tangent. In float64 torch's own
convolution multiplies one example at a time; one large product is several times faster.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override  # comes with torch

from workers.curvature.links import Link, Place


class Positions(Protocol):
    """How a layer's input, output and weight are laid out as matrices; N examples or tangents."""

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

    def __init__(self, layer: nn.Conv2d, given: Tensor) -> None:
        assert not isinstance(layer.padding, str)
        self._kernel, self._stride = _pair(layer.kernel_size), _pair(layer.stride)
        self._padding, self._dilation = _pair(layer.padding), _pair(layer.dilation)
        self._input = given.shape[1:]
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
        (top, left), (down, right), (dy, dx) = self._padding, self._stride, self._dilation
        padded = functional.pad(given.permute(0, 2, 3, 1), (0, 0, left, left, top, top))
        n, y, x, c = padded.contiguous().stride()
        windows = padded.contiguous().as_strided(
            (given.shape[0], *self._output, *self._kernel, given.shape[1]),
            (n, y * down, x * right, y * dy, x * dx, c),
        )
        return windows.reshape(given.shape[0], self._output[0] * self._output[1], -1)

    def columns_back(self, columns: Tensor) -> Tensor:
        C, H, W = self._input
        (top, left), (down, right), (dy, dx) = self._padding, self._stride, self._dilation
        height, width = self._output
        windows = columns.view(-1, height, width, *self._kernel, C)
        padded = columns.new_zeros(columns.shape[0], H + 2 * top, W + 2 * left, C)
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


def _summed(D: Tensor, b: int) -> Tensor:
    """(m·b, T, o) over examples and positions: (b, o)."""
    if b > 1:
        return D.unflatten(0, (-1, b)).sum((0, 2))
    rows = D.flatten(0, 1)  # as a product: a sum over the first dimension is several times slower
    return (rows.new_ones(1, rows.shape[0]) @ rows).reshape(1, -1)


def _pair(given: tuple[int, ...]) -> tuple[int, int]:
    return (given[0], given[1])


class Affine(Link):
    """W a + bias at every position; `given` is the layer's input at the minimum."""

    def __init__(
        self,
        positions: Positions,
        given: Tensor,
        weight: Tensor,
        place: Place,
        bias: Place | None,
    ) -> None:
        self._positions, self._place, self._bias = positions, place, bias
        self._given = positions.columns(given)  # (m, T, d)
        self._weight = positions.matrices(weight[None])[0].contiguous()
        self._sensitivity: Tensor | None = None

    def value(self, bias: Tensor | None) -> Tensor:
        """The layer's output at the minimum."""
        rows = self._given @ self._weight.T
        return self._positions.outputs(rows if bias is None else rows + bias)

    @override
    def settle(self, S: Tensor) -> None:
        self._sensitivity = self._positions.outputs_back(S).contiguous()

    @override
    def push(self, tangent: Tensor | None, rows: Tensor) -> tuple[Tensor | None, Tensor | None]:
        V = self._positions.matrices(self._place.of(rows))
        columns = None if tangent is None else self._positions.columns(tangent)
        if rows.shape[0] == 1:
            shift = self._bias.of(rows) if self._bias is not None else rows.new_zeros(1, 1)
            result = torch.addmm(shift, self._given.flatten(0, 1), V[0].T)
            if columns is not None:
                result.addmm_(columns.flatten(0, 1), self._weight.T)
            result = result.unflatten(0, self._given.shape[:2])
        else:
            result = torch.einsum("mtd,bod->mbto", self._given, V)
            if self._bias is not None:
                result += self._bias.of(rows)[:, None, :]
            result = result.flatten(0, 1)
            if columns is not None:
                result += columns @ self._weight.T
        return self._positions.outputs(result), columns

    @override
    def pull(
        self, D: Tensor, seen: Tensor | None, rows: Tensor, out: Tensor, *, bent: bool, first: bool
    ) -> Tensor | None:
        D = self._positions.outputs_back(D)
        S = self._sensitivity if bent else None
        if self._bias is not None:
            self._bias.of(out).add_(_summed(D, out.shape[0]))
        self._gain(D, seen, S, out)
        return None if first else self._positions.columns_back(self._back(D, S, rows))

    def _gain(self, D: Tensor, seen: Tensor | None, S: Tensor | None, out: Tensor) -> None:
        """Adds Dᵀ A + Sᵀ (tangent of A) to the weight's part of `out`."""
        if out.shape[0] == 1:
            gained = D.flatten(0, 1).T @ self._given.flatten(0, 1)
            if S is not None and seen is not None:
                gained.addmm_(S.flatten(0, 1).T, seen.flatten(0, 1))
            gained = gained[None]
        else:
            b = out.shape[0]
            gained = torch.einsum("mbto,mtd->bod", D.unflatten(0, (-1, b)), self._given)
            if S is not None and seen is not None:
                gained += torch.einsum("mto,mbtd->bod", S, seen.unflatten(0, (-1, b)))
        self._place.of(out).add_(self._positions.matrices_back(gained))

    def _back(self, D: Tensor, S: Tensor | None, rows: Tensor) -> Tensor:
        """D W + S V at every position."""
        back = D.flatten(0, 1) @ self._weight
        if S is None:
            return back.unflatten(0, D.shape[:2])
        V = self._positions.matrices(self._place.of(rows))
        if rows.shape[0] == 1:
            return back.addmm_(S.flatten(0, 1), V[0]).unflatten(0, D.shape[:2])
        turned = torch.einsum("mto,bod->mbtd", S, V).flatten(0, 1)
        return turned.add_(back.unflatten(0, D.shape[:2]))

    @override
    def tensors(self) -> list[Tensor]:
        return [self._given] + ([] if self._sensitivity is None else [self._sensitivity])
