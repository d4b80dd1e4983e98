"""What became of a weight: how far it lies from itself in another checkpoint, and in what rank.

A change of rank r that was added and stored again (a merged LoRA adapter) has, beside r singular
values, the rounding of its number type on all others. Those are counted that pass the edge of a
random matrix of that rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minimascope.weight_matrices.matrix import BLOCK, Matrix
from minimascope.weight_matrices.singular_values import singular_values

ABOVE = 2.0  # edges of the rounding: the rounding of a product is not quite independent


@dataclass(frozen=True)
class Change:
    """‖after − before‖, that over ‖before‖, their cosine; `rank` None where it was not counted.

    `rank_at_least`: only the largest singular values are known, and all of them pass.
    """

    distance: float
    relative: float | None
    cosine: float | None
    rank: int | None
    rank_at_least: bool = False


def rounding(after: Tensor, before: Tensor) -> float:
    """Root mean square of the error of storing both, unit roundoff over √3 of their numbers."""
    total = 0.0
    for tensor in (after, before):
        unit = torch.finfo(tensor.dtype).eps / 2
        squares = sum(float(b.double().square().sum()) for b in tensor.reshape(-1).split(BLOCK))
        total += unit**2 / 3 * squares / max(tensor.numel(), 1)
    return total**0.5


def change(after: Tensor, before: Tensor, *, all_up_to: int) -> Change:
    """Of two finite tensors of the same shape."""
    apart = own = other = product = 0.0
    for x, y in zip(after.reshape(-1).split(BLOCK), before.reshape(-1).split(BLOCK), strict=True):
        a, b = x.double(), y.double()
        apart += float((a - b).square().sum())
        own, other = own + float(a.square().sum()), other + float(b.square().sum())
        product += float(a @ b)
    distance, size = apart**0.5, other**0.5
    cosine = product / (own * other) ** 0.5 if own and other else None
    relative = distance / size if size else None
    matrix = Matrix.of(after, before)
    if matrix is None:
        return Change(distance, relative, cosine, None)
    rank, bounded = (0, False) if not distance else _rank(matrix, after, before, all_up_to)
    return Change(distance, relative, cosine, rank, bounded)


def _rank(matrix: Matrix, after: Tensor, before: Tensor, all_up_to: int) -> tuple[int, bool]:
    found = singular_values(matrix, all_up_to=all_up_to)
    edge = ABOVE * rounding(after, before) * (np.sqrt(matrix.long) + np.sqrt(matrix.short))
    # Eigenvalues of W'W know singular values to 1e-8 of the largest.
    passing = found.values > max(float(edge), 3e-8 * float(found.values[0]))
    return int(passing.sum()), found.method == "largest" and bool(passing.all())
