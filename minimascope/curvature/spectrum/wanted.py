"""Which pairs an eigenvalue run waits for, and how many of them it has."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.krylov import block as krylov
from minimascope.curvature.krylov.block import Krylov


@dataclass(frozen=True)
class Wanted:
    """The pairs to wait for: `top_k` to `tolerance`·|λ1|, the lowest to `lowest` or not at all."""

    top_k: int
    tolerance: float
    lowest: float | None

    @property
    def count(self) -> int:
        return self.top_k + (self.lowest is not None)

    def indices(self, size: int) -> Tensor:
        """Into `size` > top_k ascending Ritz values: the lowest first, then the highest."""
        ends = [0] if self.lowest is not None else []
        return torch.tensor([*ends, *range(size - self.top_k, size)])

    def limits(self) -> Tensor:
        """Residual limits over |λ1| in the order of `indices`."""
        ends = [] if self.lowest is None else [max(self.tolerance, self.lowest)]
        return torch.tensor([*ends, *[self.tolerance] * self.top_k], dtype=torch.float64)


def settled_pairs(state: Krylov, wanted: Wanted) -> tuple[int, Tensor]:
    """How many of the wanted pairs have converged by Lanczos' own residuals; which top values."""
    whole = state.size == state.basis.shape[1]
    if state.size <= wanted.top_k and not whole:
        return 0, torch.empty(0, dtype=torch.float64)
    values, _, residuals = krylov.ritz(state)
    if whole:
        return wanted.count, values.flip(0)[: wanted.top_k]
    good = residuals[wanted.indices(state.size)] <= wanted.limits() * values.abs().max()
    top = values[-wanted.top_k :][good[-wanted.top_k :]]
    return int(good.sum()), top.flip(0)
