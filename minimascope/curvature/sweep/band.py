"""A symmetric matrix as M = Q T Qᵀ with T banded, and (T + λI)⁻¹ for every λ.

Householder panels in compact WY form (Bischof & Van Loan 1987; Schreiber & Van Loan 1989), block
Cholesky of the band. All of it is matrix × matrix products, where an eigendecomposition spends
its time in matrix × vector products and then on eigenvectors that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from scipy.linalg import eigvals_banded
from torch import Tensor

from minimascope.curvature.running.clock import Progress, silent

WIDTH = 64
TILE = 1024  # columns of a symmetric matrix whose lower half is kept up


@dataclass(frozen=True)
class Reflector:
    """I − Y T Yᵀ on the coordinates from `start` on; scaled is Y T."""

    start: int
    Y: Tensor
    scaled: Tensor


@dataclass(frozen=True)
class Band:
    """T as block-tridiagonal, b × b blocks (the last may be smaller): diagonal and below it."""

    diagonal: list[Tensor]
    below: list[Tensor]
    reflectors: list[Reflector]

    @property
    def dim(self) -> int:
        """Order of the matrix."""
        return sum(block.shape[0] for block in self.diagonal)

    def rotate_(self, rows: Tensor) -> Tensor:
        """rows (N × dim) times Q, in place; chunks of rows that stay in cache are fastest."""
        for each in self.reflectors:
            part = rows[:, each.start :]
            part.addmm_(part @ each.scaled, each.Y.mT, alpha=-1)
        return rows

    def eigenvalues(self) -> Tensor:
        """All eigenvalues, ascending (dim,)."""
        b = self.diagonal[0].shape[0]
        stored = torch.zeros(b + 1, self.dim, dtype=torch.float64)
        start = 0
        for j, block in enumerate(self.diagonal):
            size = block.shape[0]
            column = block.cpu()
            if j < len(self.below):
                column = torch.cat([column, self.below[j].cpu()])
            for k in range(min(b + 1, column.shape[0])):
                entries = column.diagonal(-k)[:size]
                stored[k, start : start + entries.shape[0]] = entries
            start += size
        return torch.from_numpy(eigvals_banded(stored.numpy(), lower=True)).to(self.diagonal[0])


def reduce_to_band(M: Tensor, *, width: int = WIDTH, progress: Progress = silent) -> Band:
    """Band form of a symmetric M; 4p³/3 flops beside the panels.

    M is overwritten by the reflectors, Y below the band and (Y T)ᵀ above it: no second matrix of
    that size is held. Of what is left below a panel tiles above the diagonal are neither kept up
    nor read.
    """
    p = M.shape[0]
    diagonal: list[Tensor] = []
    below: list[Tensor] = []
    reflectors: list[Reflector] = []
    for start in range(0, p, width):
        progress(1 - (1 - start / p) ** 3, "reduction to a band")
        end = min(start + width, p)
        diagonal.append(M[start:end, start:end].clone())
        if end == p:
            break
        upper, Y, scaled = _panel(M[end:, start:end])
        below.append(upper)
        own = slice(start, start + Y.shape[1])
        Y, scaled = M[end:, own].copy_(Y), M[own, end:].mT.copy_(scaled)
        reflectors.append(Reflector(end, Y, scaled))
        columns = _columns(M, end, TILE - TILE % width)
        X = _times(columns, scaled)
        X -= 0.5 * Y @ (scaled.mT @ X)
        left, right = torch.cat([X, Y], dim=1), torch.cat([Y, X], dim=1).mT
        for at, column in columns:
            column.addmm_(left[at.start :], right[:, at], alpha=-1)
    return Band(diagonal, below, reflectors)


def _columns(M: Tensor, end: int, tile: int) -> list[tuple[slice, Tensor]]:
    """M[end:, end:] from its diagonal down, a tile of columns at a time, with their numbers there.

    Tiles begin at the same columns whatever `end` is, so that the same entries are kept up.
    """
    edges = [end, *range((end // tile + 1) * tile, M.shape[0], tile), M.shape[0]]
    return [(slice(at - end, to - end), M[at:, at:to]) for at, to in pairwise(edges)]


def _times(columns: list[tuple[slice, Tensor]], x: Tensor) -> Tensor:
    """Of a symmetric matrix given by its lower half."""
    total = torch.zeros_like(x)
    for at, column in columns:
        total[at.start :].addmm_(column, x[at])
        beneath = column[at.stop - at.start :]
        total[at].addmm_(beneath.mT, x[at.stop :])
    return total


def _panel(panel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(R, Y, YT) of the QR factorisation of a panel."""
    packed, tau = torch.geqrf(panel)
    k = tau.shape[0]
    Y = packed[:, :k].tril(-1)
    Y.diagonal().fill_(1)
    # tau = 0 is a column that needed no reflection; without its vector T may hold anything there.
    idle = tau == 0
    Y[:, idle] = 0
    inverse = (Y.mT @ Y).triu(1)
    inverse.diagonal().copy_(torch.where(idle, torch.ones_like(tau), 1 / tau))
    scaled = torch.linalg.solve_triangular(inverse, Y, upper=True, left=False)
    return packed[:k].triu(), Y, scaled


class BandResolvent:
    """(T + λI)⁻¹ at L values of λ from block Cholesky factors, L × b × b each."""

    def __init__(self, band: Band, lambdas: Tensor) -> None:
        self._factors: list[Tensor] = []
        self._couplings: list[Tensor] = []
        lambdas = lambdas.to(band.diagonal[0])
        for j, block in enumerate(band.diagonal):
            eye = torch.eye(block.shape[0], dtype=block.dtype, device=block.device)
            pivot = block + lambdas[:, None, None] * eye
            if j:
                before = self._factors[-1]
                coupling = torch.linalg.solve_triangular(
                    before.mT,
                    band.below[j - 1].expand(len(lambdas), -1, -1),
                    upper=True,
                    left=False,
                )
                self._couplings.append(coupling)
                pivot = pivot - coupling @ coupling.mT
            self._factors.append(torch.linalg.cholesky(pivot))

    def grams(self, rows: Tensor) -> Tensor:
        """Z_i (T + λI)⁻¹ Z_iᵀ (L × m × k × k) of m groups of k rows, m × k × dim."""
        m, k, _ = rows.shape
        total = rows.new_zeros(self._factors[0].shape[0], m, k, k)
        columns: Sequence[Tensor] = rows.flatten(0, 1).mT.split(
            [factor.shape[-1] for factor in self._factors]
        )
        solved: Tensor | None = None
        for j, (factor, part) in enumerate(zip(self._factors, columns, strict=True)):
            right = part.expand(factor.shape[0], -1, -1)
            if solved is not None:
                right = right - self._couplings[j - 1] @ solved
            current = torch.linalg.solve_triangular(factor, right, upper=False)
            grouped = current.unflatten(2, (m, k)).permute(0, 2, 3, 1)
            total += grouped @ grouped.mT
            solved = current
        return total

    @property
    def logdets(self) -> Tensor:
        """log det(T + λI) (L,)."""
        diagonals = [factor.diagonal(dim1=-2, dim2=-1) for factor in self._factors]
        return 2 * torch.cat(diagonals, dim=1).log().sum(dim=1)
