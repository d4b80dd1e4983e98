"""Which pairs an eigenvalue run waits for, and how many of them it has."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import Krylov, ritz
from minimascope.curvature.krylov.trace import PROBES

Solved = tuple[Tensor, Tensor, Tensor]  # what `ritz` gives
LOWEST = 1e-4  # residual of λ_min: at the edge of the bulk, it would take most of the products


@dataclass(frozen=True)
class Wanted:
    """The pairs to wait for: `top_k` to `tolerance`·|λ1|, the lowest to `lowest` or not at all.

    Where Lanczos is the route the trace takes `trace_probes` products; 0: no trace. `whole`: every
    pair is worth up to half a minute, because something else will be computed from them.
    """

    top_k: int = 10
    tolerance: float = 1e-6
    lowest: float | None = LOWEST
    trace_probes: int = PROBES
    whole: bool = True

    @property
    def count(self) -> int:
        return self.top_k + (self.lowest is not None)

    def check(self) -> None:
        """Raises ValueError where no pair, or nothing that can be reached, is asked for."""
        if self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}; at least one eigenpair has to be asked for.")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"The tolerance is {self.tolerance}; it must lie between 0 and 1.")

    def reachable(self, dim: int, dtype: torch.dtype) -> Wanted:
        """Of a p × p matrix: waiting for residuals below the products' own rounding is endless."""
        tolerance = max(self.tolerance, 50 * torch.finfo(dtype).eps)
        return replace(self, top_k=min(self.top_k, dim), tolerance=tolerance)

    def indices(self, size: int) -> Tensor:
        """Into `size` > top_k ascending Ritz values: the lowest first, then the highest."""
        ends = [0] if self.lowest is not None else []
        return torch.tensor([*ends, *range(size - self.top_k, size)])

    def limits(self) -> Tensor:
        """Residual limits over |λ1| in the order of `indices`."""
        ends = [] if self.lowest is None else [max(self.tolerance, self.lowest)]
        return torch.tensor([*ends, *[self.tolerance] * self.top_k], dtype=torch.float64)


def settled_pairs(
    state: Krylov, wanted: Wanted, solved: Solved | None = None
) -> tuple[int, Tensor]:
    """How many of the wanted pairs have converged by Lanczos' own residuals; which top values.

    `solved`: `ritz(state)` where it is at hand.
    """
    whole = state.size == state.basis.shape[1]
    if state.size <= wanted.top_k and not whole:
        return 0, torch.empty(0, dtype=torch.float64)
    values, _, residuals = solved or ritz(state)
    if whole:
        return wanted.count, values.flip(0)[: wanted.top_k]
    good = residuals[wanted.indices(state.size)] <= wanted.limits() * values.abs().max()
    top = values[-wanted.top_k :][good[-wanted.top_k :]]
    return int(good.sum()), top.flip(0)
