"""Marchenko–Pastur: what the singular values of a matrix of independent entries would be.

The scale is that of the random matrix with the same median singular value (Gavish & Donoho 2014,
§III.E), which a few large ones do not move. The edge is where the largest singular value of such a
matrix lies below with probability 0.99 (Tracy–Widom with Johnstone's 2001 centring); a spike is a
singular value beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRACY_WIDOM_99 = 2.0234  # of the real, symmetric case
GRID = 4096
FEWEST = 20  # singular values below which a median says too little

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bulk:
    """`sigma` of one entry; `edge` and `lower` are singular values."""

    sigma: float
    lower: float
    edge: float
    spikes: int


def _angles(ratio: float) -> tuple[Floats, Floats]:
    """Eigenvalues λ of X'X/m ascending, X m × n of unit variance, ratio = n/m ≤ 1; their CDF."""
    ends = np.linspace(np.pi, 0.0, GRID)
    values = 1.0 + ratio + 2.0 * np.sqrt(ratio) * np.cos(ends)
    middle = 0.5 * (ends[1:] + ends[:-1])  # at π a square matrix has 0/0
    steps = np.sin(middle) ** 2 / (1.0 + ratio + 2.0 * np.sqrt(ratio) * np.cos(middle))
    below = np.concatenate([[0.0], np.cumsum(steps)])
    return values, below / below[-1]


def median(ratio: float) -> float:
    """Median eigenvalue of X'X/m."""
    values, below = _angles(ratio)
    return float(np.interp(0.5, below, values))


def bulk(values: Floats, rows: int, columns: int) -> Bulk | None:
    """Of all singular values (min(rows, columns),); None where half of them are zero."""
    short, long = min(rows, columns), max(rows, columns)
    middle = float(np.median(values))
    if middle <= 1e-7 * float(values.max(initial=0.0)) or middle == 0.0:
        return None
    sigma = middle / float(np.sqrt(long * median(short / long)))
    centre = (np.sqrt(long - 1) + np.sqrt(short)) ** 2
    width = (np.sqrt(long - 1) + np.sqrt(short)) * (1 / np.sqrt(long - 1) + 1 / np.sqrt(short)) ** (
        1 / 3
    )
    edge = sigma * float(np.sqrt(centre + TRACY_WIDOM_99 * width))
    lower = sigma * float(np.sqrt(long) - np.sqrt(short))
    return Bulk(sigma, lower, edge, int((values > edge).sum()))


def density(found: Bulk, rows: int, columns: int) -> tuple[Floats, Floats]:
    """log10 λ and the density of log10 λ, for the line in a picture; λ = σ²."""
    short, long = min(rows, columns), max(rows, columns)
    values, below = _angles(short / long)
    logs = np.log10(np.maximum(values[1:] * long, 1e-300)) + 2 * np.log10(found.sigma)
    centres = 0.5 * (logs[1:] + logs[:-1])
    return centres, np.diff(below[1:]) / np.maximum(np.diff(logs), 1e-300)
