"""The numbers of one tensor, a block at a time: norm, NaN, infinite, largest, all the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.weight_matrices.matrix import BLOCK

HUGE = 100.0  # times the root mean square


@dataclass(frozen=True)
class Entries:
    """Norm and largest |w| are of the finite numbers; `constant` if all equal."""

    count: int
    norm: float
    largest: float
    nan: int
    infinite: int
    huge: int
    constant: float | None

    @property
    def finite(self) -> bool:
        return self.nan == self.infinite == 0


def entries(tensor: Tensor) -> Entries:
    """Of a floating tensor of any shape."""
    flat = tensor.reshape(-1)
    squares = largest = 0.0
    nan = infinite = 0
    for block in flat.split(BLOCK):
        whole = block.double()
        kept = whole[torch.isfinite(whole)]
        nan += int(torch.isnan(whole).sum())
        infinite += int(torch.isinf(whole).sum())
        squares += float(kept.square().sum())
        largest = max(largest, float(kept.abs().max())) if len(kept) else largest
    mean_square = squares / max(flat.numel() - nan - infinite, 1)
    huge = _beyond(flat, HUGE * mean_square**0.5) if largest > HUGE * mean_square**0.5 else 0
    same = _constant(flat)
    return Entries(flat.numel(), squares**0.5, largest, nan, infinite, huge, same)


def _beyond(flat: Tensor, bound: float) -> int:
    parts = flat.split(BLOCK)
    return sum(int(((p.double().abs() > bound) & torch.isfinite(p)).sum()) for p in parts)


def _constant(flat: Tensor) -> float | None:
    """The one value of all numbers."""
    if flat.numel() < 2 or not bool((flat == flat[0]).all()):
        return None
    return float(flat[0])
