"""Curvature matrices as values: Hessian, GGN, gradient second moment, sampled Fisher.

Each is the matrix of the **mean** loss over the n training examples, without weight decay
(docs/mathematics.md, section 1), seen only through products with rows of a b × p matrix. The
gradient's graph is built once and kept, so that a product costs about 1.5 gradients; where the
graph would not fit it is rebuilt in every product. Attention runs in its MATH form, because the
fused kernels have no second derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.graphs import forward
from minimascope.curvature.products.layout import Chunks, Retain, plan_layout, source
from minimascope.objective.losses import check_minimum, curvatures, residuals, sampled_residuals

Rows = Callable[[Tensor], Tensor]
Block = Callable[[range], Rows | None]
Centring = Literal["centred", "uncentred"]


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
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)
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


def hessian(minimum: Minimum, *, chunk: int | None = None, retain: Retain = "auto") -> Operator:
    """H = ∇²L of the mean loss.

    `chunk` examples share a graph (default: as many as a quarter of the free memory holds);
    `retain` keeps the graphs between products, costing their memory, or rebuilds them, costing
    two to three times the time. ValueError where θ or the inputs are not finite.
    """
    check_minimum(minimum)
    made_by = source(minimum, "hessian")
    layout = plan_layout(minimum, made_by, chunk=chunk, retain=retain)
    chunks = Chunks(minimum, made_by, layout)

    def apply(rows: Tensor, moved: range | None = None) -> Tensor:
        result = torch.zeros_like(rows)
        for _, graph in chunks:
            for part, out in zip(rows.split(layout.rows), result.split(layout.rows), strict=True):
                out += graph.hessian_rows(part, moved)
        return result

    def block(moved: range) -> Rows | None:
        def within(rows: Tensor) -> Tensor:
            full = rows.new_zeros(rows.shape[0], minimum.dim)
            full[:, moved.start : moved.stop] = rows
            return apply(full, moved)[:, moved.start : moved.stop]

        return within if made_by.is_block(moved) else None

    return replace(_operator(minimum, apply, "Hessian", chunks.bytes), block=block)


def ggn(minimum: Minimum, *, chunk: int | None = None, retain: Retain = "auto") -> Operator:
    """GGN = (1/n) Σ J_iᵀ Λ_i J_i: for these losses also the exact Fisher of the model."""

    def middle(logits: Tensor, pushed: Tensor, examples: slice) -> Tensor:
        return torch.einsum("nkl,bnl->bnk", curvatures(logits, minimum.loss), pushed)

    return _sandwich(minimum, middle, "GGN", chunk=chunk, retain=retain)


def gradient_second_moment(
    minimum: Minimum,
    centred: Centring = "uncentred",
    *,
    chunk: int | None = None,
    retain: Retain = "auto",
) -> Operator:
    """C = (1/n) Σ g_i g_iᵀ with g_i = J_iᵀ r_i; `centred` subtracts ḡḡᵀ."""

    def middle(logits: Tensor, pushed: Tensor, examples: slice) -> Tensor:
        r = residuals(logits, minimum.targets[examples], minimum.loss)
        return r * (pushed * r).sum(2, keepdim=True)

    second = _sandwich(minimum, middle, "gradient second moment", chunk=chunk, retain=retain)
    if centred == "uncentred":
        return second
    mean = gradient(minimum)

    def apply(rows: Tensor) -> Tensor:
        return second.apply(rows) - (rows @ mean)[:, None] * mean

    return _operator(minimum, apply, "gradient covariance", second.graph_bytes)


def sampled_fisher(
    minimum: Minimum, *, seed: int = 0, chunk: int | None = None, retain: Retain = "auto"
) -> Operator:
    """One-sample Monte-Carlo Fisher: labels drawn once from the model; not the GGN."""
    with torch.no_grad():
        logits = forward(minimum, minimum.unflatten(minimum.theta), slice(None))
    drawn = sampled_residuals(logits, minimum.loss, seed=seed)

    def middle(_: Tensor, pushed: Tensor, examples: slice) -> Tensor:
        r = drawn[examples]
        return r * (pushed * r).sum(2, keepdim=True)

    return _sandwich(minimum, middle, "sampled Fisher", chunk=chunk, retain=retain)


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


def from_matrix(matrix: Tensor) -> Operator:
    """A symmetric matrix as an operator."""
    return Operator(lambda rows: rows @ matrix, matrix.shape[0], matrix.dtype, matrix.device)


def gradient(minimum: Minimum, *, chunk: int | None = None) -> Tensor:
    """∇L of the mean loss without weight decay, shape (p,)."""
    check_minimum(minimum)
    made_by = source(minimum, "jacobian")
    layout = plan_layout(minimum, made_by, chunk=chunk, retain="never")
    total = torch.zeros_like(minimum.theta)
    for examples, graph in Chunks(minimum, made_by, layout):
        r = residuals(graph.logits.detach(), minimum.targets[examples], minimum.loss)
        total += graph.pull_rows(r[None])[0]
    return total / minimum.n


Middle = Callable[[Tensor, Tensor, slice], Tensor]


def _sandwich(
    minimum: Minimum, middle: Middle, name: str, *, chunk: int | None, retain: Retain
) -> Operator:
    """(1/n) Σ J_iᵀ M_i J_i, where `middle(logits, J v, examples)` applies every M_i."""
    check_minimum(minimum)
    made_by = source(minimum, "jacobian")
    layout = plan_layout(minimum, made_by, chunk=chunk, retain=retain)
    chunks = Chunks(minimum, made_by, layout)

    def apply(rows: Tensor) -> Tensor:
        result = torch.zeros_like(rows)
        for examples, graph in chunks:
            logits = graph.logits.detach()
            for part, out in zip(rows.split(layout.rows), result.split(layout.rows), strict=True):
                out += graph.pull_rows(middle(logits, graph.push_rows(part), examples))
        return result / minimum.n

    return _operator(minimum, apply, name, chunks.bytes)


def _operator(minimum: Minimum, apply: Rows, name: str, graph_bytes: int) -> Operator:
    theta = minimum.theta
    return Operator(apply, minimum.dim, theta.dtype, theta.device, name, graph_bytes=graph_bytes)
