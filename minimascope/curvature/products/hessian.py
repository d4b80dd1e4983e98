"""H = ∇²L of the mean loss, without weight decay (docs/mathematics.md, section 1).

The gradient's graph is built once and kept, so that a product costs about 1.5 gradients; where the
graph would not fit it is rebuilt in every product. Attention runs in its MATH form, because the
fused kernels have no second derivative.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.layout import Retain, chunks_of
from minimascope.curvature.products.operator import Operator, Rows, operator_like
from minimascope.curvature.products.spread import Part, summed


def hessian(minimum: Minimum, *, chunk: int | None = None, retain: Retain = "auto") -> Operator:
    """H of the mean loss over the training examples.

    `chunk` examples share a graph (default: as many as a quarter of the free memory holds);
    `retain` keeps the graphs between products, costing their memory, or rebuilds them, costing
    two to three times the time. ValueError where θ or the inputs are not finite.
    """
    over = summed(HessianSum, minimum, chunk=chunk, retain=retain)

    def apply(rows: Tensor, moved: range | None = None) -> Tensor:
        return over.sum("times", rows, moved)[0]

    def block(moved: range) -> Rows | None:
        def within(rows: Tensor) -> Tensor:
            full = rows.new_zeros(rows.shape[0], minimum.dim)
            full[:, moved.start : moved.stop] = rows
            return apply(full, moved)[:, moved.start : moved.stop]

        return within if over.own.is_block(moved) else None

    whole = operator_like(minimum.theta, apply, "Hessian", graph_bytes=over.own.bytes_of_all)
    return replace(whole, block=block)


class HessianSum:
    """H's sum over a part of the examples, divided by their number in all."""

    def __init__(self, part: Part, *, chunk: int | None, retain: Retain) -> None:
        self._part = part
        self._chunks, made_by = chunks_of(part.minimum, "hessian", chunk=chunk, retain=retain)
        self.is_block = made_by.is_block
        self.bytes_of_all = round(self._chunks.bytes / part.share)

    def times(self, rows: Tensor, moved: range | None = None) -> tuple[Tensor]:
        """Applied to (b, p) rows; `moved` as `Graph.hessian_rows` has it."""
        result = torch.zeros_like(rows)
        for _, graph in self._chunks:
            for at in self._chunks.rows_of(rows):
                result[at] += graph.hessian_rows(rows[at], moved)
            del graph  # else it stands beside the next one, which is as large
        # Graphs divide by the number of their own minimum's examples.
        return (result if self._part.share == 1 else result.mul_(self._part.share),)
