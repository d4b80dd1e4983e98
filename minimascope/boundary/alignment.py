"""Alignment A_k(x) = g(x)·v_k/‖g(x)‖ of reinforcing gradients with parameter vectors.

g is the gradient of the cross-entropy at the network's own class (docs/mathematics.md,
section 4; arXiv 2306.07104). A_k changes sign where x crosses the decision boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary import layers
from minimascope.boundary.classification import parameter_vectors, require_classification
from minimascope.boundary.gradients import concatenate, per_example, rows_at_once
from minimascope.boundary.residual import Residual
from minimascope.curvature.minimum.batches import rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products import long_sums


@dataclass(frozen=True)
class Alignment:
    """Alignment of m inputs with k vectors.

    values (k, m) in [−1, 1], NaN where the gradient has no direction; norms (m,) = ‖g‖ (may
    underflow to 0) and log_norms (m,) = ln ‖g‖ (does not); classes (m,) the network's own;
    logit_gap (m,) top logit minus second; underflowed the number of NaN inputs.
    """

    values: Tensor
    norms: Tensor
    log_norms: Tensor
    classes: Tensor
    logit_gap: Tensor
    underflowed: int


# (residual, ‖ĝ‖ (m,), ĝ·v_k (k, m)) of one chunk of inputs
_Chunk = tuple[Residual, Tensor, Tensor]


def align(
    minimum: Minimum,
    vectors: Tensor,
    inputs: Tensor,
    *,
    chunk: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Alignment:
    """Aligns `inputs` (m, ...) with `vectors` (k, p); v_k are taken as unit vectors.

    `chunk` inputs are held at a time (chosen by memory if None); `progress` hears the finished
    share. Raises ValueError for regression and for vectors of the wrong length.
    """
    require_classification(minimum)
    vectors = parameter_vectors(minimum, vectors)
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    measure, default_chunk = _route(minimum, vectors)
    residuals: list[Residual] = []
    norms: list[Tensor] = []
    values: list[Tensor] = []
    done = 0
    for part in torch.split(inputs, chunk or default_chunk):
        residual, norm, product = measure(part)
        usable = (norm > 0) & norm.isfinite()
        values.append(product / torch.where(usable, norm, torch.nan))
        norms.append(norm.double())
        residuals.append(residual)
        done += part.shape[0]
        if progress is not None:
            progress(done / inputs.shape[0])
    return _assemble(residuals, norms, values)


def _route(minimum: Minimum, vectors: Tensor) -> tuple[Callable[[Tensor], _Chunk], int]:
    """The cheapest exact route for this network, and how many inputs it takes at a time."""
    closed = layers.closed_layers(minimum)
    theta = minimum.theta

    def closed_form(part: Tensor) -> _Chunk:
        assert closed is not None
        passed = layers.sweep(minimum, closed, part)
        norm = layers.squared_norms(closed, passed).sqrt()
        return passed.residual, norm, layers.products(closed, passed, vectors)

    def gradient_rows(part: Tensor) -> _Chunk:
        # With the gradients at hand for the norm, g·v costs 2pk flops: less than k forward-mode
        # products, whose cost is k times two forward passes.
        residual, g = per_example(minimum, theta, part)
        return residual, long_sums.norms(g), long_sums.inner(vectors, g)

    if closed is None:
        return gradient_rows, rows_at_once(minimum)
    return closed_form, rows_in_cache(minimum.inputs, most=2048)


def _assemble(residuals: list[Residual], norms: list[Tensor], values: list[Tensor]) -> Alignment:
    residual, norm, value = concatenate(residuals), torch.cat(norms), torch.cat(values, dim=1)
    log_norms = norm.log() + residual.log_scale
    return Alignment(
        values=value.clamp(-1, 1),
        norms=log_norms.exp(),
        log_norms=log_norms,
        classes=residual.classes,
        logit_gap=residual.logit_gap,
        underflowed=int(value[0].isnan().sum()),
    )
