"""GGN = (1/n) Σ J_iᵀ Λ_i J_i, for these losses also the exact Fisher of the model, without J.

The graphs of the data chunks are those of the spectrum (`layout`): kept where they fit, with
hand-written derivatives for layer chains. They also give what stands beside the GGN: products
without one example's own share, and sums of example gradients.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from minimascope.curvature.layers.jacobian import examples_at_once, jacobian_chunks, jacobian_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.layout import Graph, Retain, chunks_of
from minimascope.curvature.products.operator import Operator, operator_like
from minimascope.curvature.products.spread import Part, summed
from minimascope.curvature.products.token_graph import TokenGraph
from minimascope.objective.likelihood import Likelihood


def ggn(minimum: Minimum, *, chunk: int | None = None, retain: Retain = "auto") -> Operator:
    """The GGN as an operator; options as those of `hessian`."""
    return Ggn(minimum, chunk=chunk, retain=retain).operator


class Ggn:
    """The GGN's graphs, its `operator`, and what else they give; rows are (c × p).

    With `root` (p,) everything is seen in the coordinates θ/root: J is J·diag(root).
    """

    def __init__(
        self,
        minimum: Minimum,
        *,
        root: Tensor | None = None,
        chunk: int | None = None,
        retain: Retain = "auto",
    ) -> None:
        self.minimum = minimum
        self._root = None if root is None else root.to(minimum.theta)
        self._over = summed(GgnSum, minimum, chunk=chunk, retain=retain)
        self.operator = operator_like(
            minimum.theta, self._apply, "GGN", graph_bytes=self._over.own.bytes_of_all
        )

    def scaled(self, rows: Tensor) -> Tensor:
        """(c × p) gradients in the coordinates θ/root."""
        return rows if self._root is None else rows * self._root

    @property
    def count(self) -> int:
        """Vectors multiplied so far, in whatever way."""
        return self.operator.products

    @cached_property
    def seconds(self) -> float:
        """Of one vector, timed on two after one to warm up."""
        theta = self.minimum.theta
        self.operator.matvec(torch.ones_like(theta))
        start = time.perf_counter()
        self.operator.matmat(torch.ones_like(theta).expand(2, -1).clone())
        return max((time.perf_counter() - start) / 2, 1e-9)

    def left_out(self, V: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Row c times GGN − J_iᵀΛ_iJ_i/n, i = own[c], and J_i v_c (c × K), which comes by the way.

        The sum keeps its divisor n: the curvature of the loss with example i taken out.
        """
        return self._with_own(V, own, without=True)

    def without(self, V: Tensor, own: Tensor) -> Tensor:
        """The first of `left_out` alone, which needs no logits of all positions."""
        self.operator.counter.products += V.shape[0]
        return self.scaled(self._over.sum("without", self.scaled(V), own)[0]).div_(self.minimum.n)

    def with_own(self, V: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Row c times the whole GGN, and J_i v_c of its own example i = own[c]."""
        return self._with_own(V, own, without=False)

    def own_gradients(self, seeds: Tensor, own: Tensor) -> Tensor:
        """J_iᵀ s_c (c × p) of seeds (c × K), i = own[c]."""
        return self.scaled(self._over.sum("own_gradients", seeds, own)[0])

    def seen_with(self, root: Tensor | None) -> Ggn:
        """The same graphs in other coordinates."""
        other = copy.copy(self)
        other._root = None if root is None else root.to(self.minimum.theta)
        return other

    def gradient_sums(self, weights: Tensor) -> Tensor:
        """Σ_i w_i g_i (c × p) for weights (c × n) of the examples' gradients g_i = J_iᵀ r_i."""
        self.operator.counter.products += weights.shape[0]
        return self.scaled(self._over.sum("gradients", weights)[0])

    def _with_own(self, V: Tensor, own: Tensor, *, without: bool) -> tuple[Tensor, Tensor]:
        self.operator.counter.products += V.shape[0]
        total, seen = self._over.sum("with_own", self.scaled(V), own, without)
        return self.scaled(total).div_(self.minimum.n), seen

    def _apply(self, V: Tensor) -> Tensor:
        return self.scaled(self._over.sum("times", self.scaled(V))[0]).div_(self.minimum.n)


class GgnSum:
    """Sums over a part of the examples; rows are (c × p), examples are numbered as of all."""

    def __init__(self, part: Part, *, chunk: int | None, retain: Retain) -> None:
        self._minimum, self._first = part.minimum, part.first
        self._chunks, _ = chunks_of(part.minimum, "jacobian", chunk=chunk, retain=retain)
        self.bytes_of_all = round(self._chunks.bytes / part.share)

    def times(self, V: Tensor) -> tuple[Tensor]:
        """Σ J_iᵀΛ_iJ_i v."""
        total = torch.zeros_like(V)
        for graph, examples, row in self._pieces(V):
            if isinstance(graph, TokenGraph):  # without the logits of all positions
                graph.add_ggn_rows(V[row], total[row])
            else:
                bent = self._bent(graph, examples, graph.push_rows(V[row]))
                total[row] += graph.pull_rows(bent)
            del graph  # else it stands beside the next one, which is as large
        return (total,)

    def without(self, V: Tensor, own: Tensor) -> tuple[Tensor]:
        """The same, row c without the share of own[c]."""
        own, total = own - self._first, torch.zeros_like(V)
        for graph, examples, row in self._pieces(V):
            if isinstance(graph, TokenGraph):
                graph.add_ggn_rows(V[row], total[row], own[row] - examples.start)
                continue
            bent = self._bent(graph, examples, graph.push_rows(V[row])).clone()
            here = (own[row] >= examples.start) & (own[row] < examples.stop)
            bent[here.nonzero()[:, 0], own[row][here] - examples.start] = 0
            total[row] += graph.pull_rows(bent)
        return (total,)

    def with_own(self, V: Tensor, own: Tensor, without: bool) -> tuple[Tensor, Tensor]:
        """The same, `without` the share of own[c] for row c or with it, and J_i v_c of own[c]."""
        own, total = own - self._first, torch.zeros_like(V)
        seen: Tensor | None = None
        for graph, examples, row in self._pieces(V):
            pushed = graph.push_rows(V[row])
            here = (own[row] >= examples.start) & (own[row] < examples.stop)
            at = here.nonzero()[:, 0], own[row][here] - examples.start
            seen = V.new_zeros(V.shape[0], pushed.shape[2]) if seen is None else seen
            seen[row][here] = pushed[at]
            bent = self._bent(graph, examples, pushed)
            if without:
                bent = bent.clone()  # may be `pushed` itself
                bent[at] = 0
            total[row] += graph.pull_rows(bent)
        assert seen is not None
        return total, seen

    def own_gradients(self, seeds: Tensor, own: Tensor) -> tuple[Tensor]:
        """J_iᵀ s_c of seeds (c × K), i = own[c], which is of this part or nothing."""
        own, total = own - self._first, seeds.new_zeros(seeds.shape[0], self._minimum.dim)
        for graph, examples, row in self._pieces(total):
            here = (own[row] >= examples.start) & (own[row] < examples.stop)
            at = here.nonzero()[:, 0], own[row][here] - examples.start
            own_seeds = seeds[row]
            held = graph.logits.shape[0]
            spread = seeds.new_zeros(own_seeds.shape[0], held, seeds.shape[1])
            spread[at] = own_seeds[here]
            total[row] += graph.pull_rows(spread)
        return (total,)

    def gradients(self, weights: Tensor) -> tuple[Tensor]:
        """Σ_i w_i g_i of weights (c × n) of all examples."""
        total = weights.new_zeros(weights.shape[0], self._minimum.dim)
        weights = weights[:, self._first : self._first + self._minimum.n]
        for graph, examples, row in self._pieces(total):
            if isinstance(graph, TokenGraph):
                graph.add_gradients(weights[row, examples], total[row])
                continue
            targets = self._minimum.targets[examples]
            r = self._minimum.loss.residual(graph.logits.detach(), targets)
            total[row] += graph.pull_rows(weights[row, examples, None] * r)
        return (total,)

    def _bent(self, graph: Graph, examples: slice, pushed: Tensor) -> Tensor:
        """Λ_i applied to (c, m, K)."""
        targets = self._minimum.targets[examples]
        return self._minimum.loss.curvature_map(graph.logits.detach(), targets)(pushed)

    def _pieces(self, V: Tensor) -> Iterator[tuple[Graph, slice, slice]]:
        """Chunk graphs with their examples, each with the slices of rows that fit at a time."""
        for examples, graph in self._chunks:
            for row in self._chunks.rows_of(V):
                yield graph, examples, row
            del graph


def ggn_diagonal(minimum: Minimum, likelihood: Likelihood) -> Tensor:
    """diag(GGN), shape (p,)."""
    total = minimum.theta.zero_()
    half = likelihood.half_curvature
    for at, J in jacobian_chunks(minimum, minimum.inputs, outputs=likelihood.outputs):
        total += (half[at].mT @ J).square().sum(dim=(0, 1)) / likelihood.n
    return total


def ggn_diagonal_of(minimum: Minimum, likelihood: Likelihood, names: list[str]) -> Tensor:
    """The entries of diag(GGN) of some parameter tensors, one after another."""
    total = minimum.theta.new_zeros(sum(minimum.places[name].size for name in names))
    size = examples_at_once(likelihood.outputs * total.shape[0])
    half = likelihood.half_curvature
    for at in torch.arange(likelihood.n, device=total.device).split(size):
        J = jacobian_of(minimum, minimum.inputs[at], names)
        total += (half[at].mT @ J).square().sum(dim=(0, 1)) / likelihood.n
    return total
