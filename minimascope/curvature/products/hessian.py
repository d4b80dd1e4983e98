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


def hessian(minimum: Minimum, *, chunk: int | None = None, retain: Retain = "auto") -> Operator:
    """H of the mean loss over the training examples.

    `chunk` examples share a graph (default: as many as a quarter of the free memory holds);
    `retain` keeps the graphs between products, costing their memory, or rebuilds them, costing
    two to three times the time. ValueError where θ or the inputs are not finite.
    """
    chunks, made_by = chunks_of(minimum, "hessian", chunk=chunk, retain=retain)

    def apply(rows: Tensor, moved: range | None = None) -> Tensor:
        result = torch.zeros_like(rows)
        for _, graph in chunks:
            for at in chunks.rows_of(rows):
                result[at] += graph.hessian_rows(rows[at], moved)
        return result

    def block(moved: range) -> Rows | None:
        def within(rows: Tensor) -> Tensor:
            full = rows.new_zeros(rows.shape[0], minimum.dim)
            full[:, moved.start : moved.stop] = rows
            return apply(full, moved)[:, moved.start : moved.stop]

        return within if made_by.is_block(moved) else None

    whole = operator_like(minimum.theta, apply, "Hessian", graph_bytes=chunks.bytes)
    return replace(whole, block=block)
