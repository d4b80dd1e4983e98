"""The GGN, and the GGN without one example's own share, times blocks of vectors; J is never formed.

The graphs of the data chunks are those of the spectrum (`layout`): kept where they fit, with
hand-written derivatives for layer chains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.layout import Chunks, Graph, plan_layout, source
from minimascope.objective.losses import curvature_map, residuals

Product = Callable[[Tensor], Tensor]


class GgnProducts:
    """Products with rows (c × p) in the network's own precision; `count` vectors so far."""

    def __init__(self, minimum: Minimum) -> None:
        self.minimum = minimum
        self.count = 0
        made_by = source(minimum, "jacobian")
        self._layout = plan_layout(minimum, made_by, chunk=None, retain="auto")
        self._chunks = Chunks(minimum, made_by, self._layout)

    def __call__(self, V: Tensor) -> Tensor:
        """V·GGN (c × p)."""
        total = torch.zeros_like(V)
        for graph, _, row in self._pieces(V):
            total[row] += graph.pull_rows(self._bent(graph, graph.push_rows(V[row])))
        return total / self.minimum.n

    def left_out(self, V: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Row c times GGN − J_iᵀΛ_iJ_i/n, i = own[c], and J_i v_c (c × K), which comes by the way.

        The sum keeps its divisor n: the curvature of the loss with example i taken out.
        """
        total = torch.zeros_like(V)
        seen: Tensor | None = None
        for graph, examples, row in self._pieces(V):
            pushed = graph.push_rows(V[row])
            here = (own[row] >= examples.start) & (own[row] < examples.stop)
            at = here.nonzero()[:, 0], own[row][here] - examples.start
            seen = V.new_empty(V.shape[0], pushed.shape[2]) if seen is None else seen
            seen[row][here] = pushed[at]
            bent = self._bent(graph, pushed)
            bent[at] = 0
            total[row] += graph.pull_rows(bent)
        assert seen is not None
        return total / self.minimum.n, seen

    def gradients(self, weights: Tensor) -> Tensor:
        """Σ_i w_i g_i (c × p) for weights (c × n) of the examples' gradients g_i = J_iᵀ r_i."""
        total = weights.new_zeros(weights.shape[0], self.minimum.dim)
        for graph, examples, row in self._pieces(total):
            targets = self.minimum.targets[examples]
            r = residuals(graph.logits.detach(), targets, self.minimum.loss)
            total[row] += graph.pull_rows(weights[row, examples, None] * r)
        return total

    @cached_property
    def seconds(self) -> float:
        """Of one vector, timed on two after one to warm up."""
        theta = self.minimum.theta
        self(torch.ones_like(theta)[None])
        start = time.perf_counter()
        self(torch.ones_like(theta).expand(2, -1).clone())
        return max((time.perf_counter() - start) / 2, 1e-9)

    def _bent(self, graph: Graph, pushed: Tensor) -> Tensor:
        """Λ_i applied to (c, m, K); a tensor of its own."""
        return curvature_map(graph.logits.detach(), self.minimum.loss)(pushed).clone()

    def _pieces(self, V: Tensor) -> Iterator[tuple[Graph, slice, slice]]:
        """Chunk graphs with their examples, each with the slices of rows that fit at a time."""
        self.count += V.shape[0]
        size = self._layout.rows
        for examples, graph in self._chunks:
            for start in range(0, V.shape[0], size):
                yield graph, examples, slice(start, min(start + size, V.shape[0]))
