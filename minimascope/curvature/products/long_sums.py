"""Inner products and norms of rows with millions of float32 numbers.

BLAS and torch.norm on a CPU add one number after another: with 5.5 million of them a norm was off
by 1.2e-4 and the product of a row with itself by 8.6e-4 of its size. The rows of a Lanczos basis
are then not of unit length, and residuals twice as large as its own recurrence says they are.
Sums over pieces, added up in float64, take little longer.
"""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 2**14  # numbers summed in float32
CACHED = 2**16  # numbers squared in float64 at a time


def inner(left: Tensor, right: Tensor) -> Tensor:
    """left·rightᵀ (b × m) of rows (b × p) and (m × p), in their precision."""
    if not _long(left):
        return left @ right.T
    total = torch.zeros(len(left), len(right), dtype=torch.float64)
    for first in range(0, left.shape[1], PIECE):
        piece = slice(first, first + PIECE)
        total += left[:, piece] @ right[:, piece].T
    return total.to(left)


def norms(rows: Tensor) -> Tensor:
    """Lengths (b,) of rows (b × p), in their precision."""
    if not _long(rows):
        return rows.norm(dim=1)
    total = torch.zeros(len(rows), dtype=torch.float64)
    for first in range(0, rows.shape[1], CACHED):
        total += rows[:, first : first + CACHED].double().square().sum(1)
    return total.sqrt().to(rows)


def outside(known: Tensor, rows: Tensor) -> Tensor:
    """What orthonormal rows `known` (r × p) leave of `rows` (b × p)."""
    return rows - inner(rows, known) @ known


def _long(rows: Tensor) -> bool:
    # GPUs sum in trees; float64 has digits to spare.
    return rows.shape[1] > PIECE and rows.dtype == torch.float32 and rows.device.type == "cpu"
