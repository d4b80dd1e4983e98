"""A symmetric matrix as a value: seen only through products with rows of a b × p matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

Rows = Callable[[Tensor], Tensor]
Block = Callable[[range], Rows | None]


@dataclass
class Counter:
    """Matrix-vector products done so far."""

    products: int = 0


@dataclass(frozen=True)
class Operator:
    """A symmetric p × p matrix known through its products; `apply` maps (b, p) rows to (b, p).

    `block(moved)` applies the principal block of a range of parameters to (b, len(moved)) rows for
    less than a product; None for a range that cuts a layer in two.
    """

    apply: Rows
    dim: int
    dtype: torch.dtype = torch.float64
    device: torch.device = torch.device("cpu")
    name: str = "matrix"
    counter: Counter = field(default_factory=Counter, compare=False)
    graph_bytes: int = 0  # what a product passes over; 0 where it is not known
    block: Block | None = field(default=None, compare=False)
    arithmetic: str = ""  # where that is coarser than the minimum's own dtype: what it is

    @property
    def products(self) -> int:
        """Matrix-vector products done so far."""
        return self.counter.products

    def matmat(self, rows: Tensor) -> Tensor:
        """M applied to each row of a (b, p) tensor; ValueError where a product is not finite."""
        self.counter.products += rows.shape[0]
        result = self.apply(rows)
        if not torch.isfinite(result).all():
            raise ValueError(
                f"A product with the {self.name} is not finite: the network overflows "
                f"in {str(self.dtype).removeprefix('torch.')} on this training set."
            )
        return result

    def matvec(self, vector: Tensor) -> Tensor:
        """M v for one (p,) vector."""
        return self.matmat(vector[None])[0]


def operator_like(like: Tensor, apply: Rows, name: str, *, graph_bytes: int = 0) -> Operator:
    """An operator on vectors like (p,) `like`."""
    return Operator(apply, like.shape[0], like.dtype, like.device, name, graph_bytes=graph_bytes)


def from_matrix(matrix: Tensor) -> Operator:
    """A symmetric matrix as an operator."""
    return Operator(lambda rows: rows @ matrix, matrix.shape[0], matrix.dtype, matrix.device)


def restrict(operator: Operator, indices: Tensor) -> Operator:
    """The principal block of an operator on some parameters, e.g. one layer's; shares its count.

    `indices` are positions in θ or a mask (p,). A block of one layer costs less than a product.
    """
    if indices.dtype == torch.bool:
        indices = indices.nonzero()[:, 0]
    size, moved = indices.numel(), _as_range(indices)
    cheaper = operator.block(moved) if operator.block and moved else None

    def apply(rows: Tensor) -> Tensor:
        full = rows.new_zeros(rows.shape[0], operator.dim)
        full[:, indices] = rows
        return operator.apply(full)[:, indices]

    return replace(operator, apply=cheaper or apply, dim=size, block=None)


def _as_range(indices: Tensor) -> range | None:
    first, count = int(indices[0]) if indices.numel() else 0, indices.numel()
    whole = torch.equal(indices, torch.arange(first, first + count, device=indices.device))
    return range(first, first + count) if whole else None
