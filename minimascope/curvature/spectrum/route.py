"""Which way to a spectrum: dense matrix, exhausted Krylov space, or Lanczos.

- n·K ≤ p/4 and p from 1,000 to 20,000: the exhausted block Krylov space, which holds every nonzero
  eigenpair to rounding (docs/mathematics.md, section 2).
- p up to 4,000: the dense matrix.
- Otherwise, and wherever p products would take too long: Lanczos with full reorthogonalisation,
  stopped by residual.

Where nobody asked for more than the top pairs, the whole spectrum is worth a second and no more:
the dense matrix for p up to 500, else Lanczos.

Time is judged by the bytes of autograd graph that a product passes over, because that is the same
on every machine: a route that followed the clock would give another kind of report on a busy day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from minimascope.curvature.products.graphs import available_bytes
from minimascope.curvature.products.operator import Operator

Route = Literal["dense", "low_rank", "lanczos"]
DENSE = 4000  # eigh of a matrix this size takes about half a minute on one CPU core
WORK = 6e9  # bytes of graph in all products; 3 to 7 s a GB on one CPU core, so half a minute too
DENSE_ALONE = 500  # of a matrix this size a tenth of a second: no more than Lanczos
LOW_RANK = range(1000, 20_001)
LOW_RANK_DIMENSIONS = 4000
LIMIT = 600  # Lanczos products before unconverged pairs are reported as such


def choose_route(
    dim: int, *, graph_bytes: int, rank_hint: int | None = None, whole: bool = True
) -> Route:
    """Route for p = `dim` where a product passes over `graph_bytes`.

    `rank_hint` is n·K, None where a low rank is not expected; `whole` as in `Wanted`.
    """
    if not whole:
        return "dense" if dim <= DENSE_ALONE else "lanczos"
    few_data = rank_hint is not None and dim in LOW_RANK and 4 * rank_hint <= dim
    if few_data and graph_bytes * min(dim, LOW_RANK_DIMENSIONS) <= WORK:
        return "low_rank"
    return "dense" if dim <= DENSE and graph_bytes * dim <= WORK else "lanczos"


def low_rank_capacity(operator: Operator) -> int:
    """Largest Krylov dimension to go to: all of p where the dense matrix would be the fallback."""
    if operator.dim <= DENSE:
        return min(operator.dim, _vectors_that_fit(operator))
    return min(LOW_RANK_DIMENSIONS, _vectors_that_fit(operator))


def lanczos_capacity(operator: Operator, top_k: int) -> int:
    """Basis vectors kept at once, beyond which Lanczos restarts."""
    return min(operator.dim, LIMIT, max(2 * top_k + 20, _vectors_that_fit(operator)))


@dataclass(frozen=True)
class Room:
    """What a Lanczos run may take: `capacity` vectors kept at once, `limit` products at most.

    Images are kept while the basis has at most `images` vectors: they save a product a pair.
    """

    capacity: int
    limit: int
    images: int = 0


def lanczos_room(operator: Operator, top_k: int) -> Room:
    """As much as memory allows. A basis that outgrows its images needs the memory itself."""
    capacity = lanczos_capacity(operator, top_k)
    images = min(capacity, _vectors_that_fit(operator) // 2)
    return Room(capacity, operator.products + LIMIT, images)


def _vectors_that_fit(operator: Operator) -> int:
    size = operator.dim * torch.finfo(operator.dtype).bits // 8
    return available_bytes(operator.device) // 4 // size
