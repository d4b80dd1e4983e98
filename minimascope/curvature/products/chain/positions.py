"""How linear layers and convolutions are matrices: applied at every position of an example.

A convolution is the matrix of its kernel applied to windows of its input, gathered once a chunk
for the input at the minimum and once a product for its tangent. In float64 torch's own
convolution multiplies one example at a time; one large product is several times faster.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from minimascope.curvature.products.chain.arena import Scratch
from minimascope.curvature.products.chain.windows import WindowShape, pair


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
        self._shape = WindowShape(
            given.shape[1:],
            pair(layer.kernel_size),
            pair(layer.stride),
            pair(layer.padding),
            pair(layer.dilation),
        )
        self._scratch = scratch

    def columns(self, given: Tensor) -> Tensor:
        windows = self._shape.windows(self._shape.framed(given, self._padded("padded", given)))
        gathered = self._scratch.take("columns", windows.shape, given).copy_(windows)
        return gathered.view(given.shape[0], self._shape.positions, -1)

    def columns_back(self, columns: Tensor) -> Tensor:
        return self._shape.spread(columns, self._padded("spread", columns))

    def outputs(self, rows: Tensor) -> Tensor:
        return self._shape.images(rows)

    def outputs_back(self, D: Tensor) -> Tensor:
        return D.permute(0, 2, 3, 1).reshape(D.shape[0], -1, D.shape[1])

    def matrices(self, weights: Tensor) -> Tensor:
        return self._shape.matrices(weights)

    def matrices_back(self, matrices: Tensor) -> Tensor:
        return self._shape.matrices_back(matrices)

    def _padded(self, role: str, like: Tensor) -> Tensor:
        return self._scratch.take(role, (like.shape[0], *self._shape.frame), like)
