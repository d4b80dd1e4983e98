"""Which way to a spectrum: dense matrix, exhausted Krylov space, or Lanczos.

- p up to 2,000 (4,000 where the data are few): the dense matrix.
- p from 1,000 to 20,000 and n·K ≤ p/4: the exhausted block Krylov space, which holds every nonzero
  eigenpair to rounding (docs/mathematics.md, section 2).
- otherwise: Lanczos with full reorthogonalisation, stopped by residual.
"""

from __future__ import annotations

from typing import Literal

import torch

from workers.curvature.graphs import available_bytes
from workers.curvature.operators import Operator

Route = Literal["dense", "low_rank", "lanczos"]
DENSE = 2000
DENSE_FEW_DATA = 4000
DENSE_WORK = 5e10  # n p², about a minute of products on two CPU cores
LOW_RANK = range(1000, 20_001)
LOW_RANK_DIMENSIONS = 4000
LIMIT = 600  # Lanczos products before unconverged pairs are reported as such


def choose_route(dim: int, *, examples: int, rank_hint: int | None = None) -> Route:
    """Route for p = `dim`; `rank_hint` is n·K, None where a low rank is not expected."""
    if rank_hint is not None and dim in LOW_RANK and 4 * rank_hint <= dim:
        return "low_rank"
    if dim <= DENSE or (dim <= DENSE_FEW_DATA and examples * dim**2 <= DENSE_WORK):
        return "dense"
    return "lanczos"


def low_rank_capacity(operator: Operator) -> int:
    """Largest Krylov dimension worth exhausting: beyond 2p/3 the dense matrix is cheaper."""
    return min(2 * operator.dim // 3, LOW_RANK_DIMENSIONS, _vectors_that_fit(operator))


def lanczos_capacity(operator: Operator, top_k: int) -> int:
    """Basis vectors kept at once, beyond which Lanczos restarts."""
    return min(operator.dim, LIMIT, max(2 * top_k + 20, _vectors_that_fit(operator)))


def _vectors_that_fit(operator: Operator) -> int:
    size = operator.dim * torch.finfo(operator.dtype).bits // 8
    return available_bytes(operator.device) // 4 // size
