"""A power law in the tail of a spectrum: p(λ) ∝ λ^−α for λ ≥ λ_min, and whether it fits.

Clauset, Shalizi & Newman 2009: α by maximum likelihood (eq. 3.1), λ_min where the
Kolmogorov–Smirnov distance is least (§3.3), the fit judged by a semi-parametric bootstrap (§4.1):
p is the share of samples of the fitted law, refitted, that lie farther from their own fit. They
rule the law out at p ≤ 0.1. λ = σ², as in Martin & Mahoney 2021; the scale of λ does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 50  # values below which a tail says nothing
TAIL = 20  # at least so many of them above λ_min
CANDIDATES = 60
REPLICATES = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """`error` is α's standard error (α − 1)/√tail; `distance` Kolmogorov–Smirnov's."""

    alpha: float
    error: float
    smallest: float
    tail: int
    distance: float


def fit(values: Floats) -> Fit:
    """Of positive values (n ≥ FEWEST,), in any order."""
    x = np.sort(values)
    n = len(x)
    starts = np.unique(np.linspace(0, n - TAIL, CANDIDATES).astype(int))
    logs = np.log(x)
    tails = n - starts
    sums = np.cumsum(logs[::-1])[::-1][starts] - tails * logs[starts]
    alphas = 1.0 + tails / np.maximum(sums, 1e-300)
    distances = [_distance(logs[i:] - logs[i], a) for i, a in zip(starts, alphas, strict=True)]
    best = int(np.argmin(distances))
    alpha, tail = float(alphas[best]), int(tails[best])
    error = (alpha - 1.0) / float(np.sqrt(tail))
    return Fit(alpha, error, float(x[starts[best]]), tail, float(distances[best]))


def _distance(logs: Floats, alpha: float) -> float:
    """Kolmogorov–Smirnov between a tail (its logs over λ_min, ascending) and the law."""
    law = -np.expm1(-(alpha - 1.0) * logs)
    steps = np.arange(len(logs) + 1) / len(logs)
    return float(max(np.max(steps[1:] - law), np.max(law - steps[:-1])))


def p_value(values: Floats, found: Fit, *, seed: int = 0, replicates: int = REPLICATES) -> float:
    """The share of bootstrap samples farther from their fit than `values` from theirs."""
    draw = np.random.default_rng(seed)
    below = values[values < found.smallest]
    farther = sum(
        fit(_sample(below, len(values), found, draw)).distance >= found.distance
        for _ in range(replicates)
    )
    return farther / replicates


def _sample(below: Floats, n: int, found: Fit, draw: np.random.Generator) -> Floats:
    above = int(draw.binomial(n, found.tail / n)) if len(below) else n
    tail = found.smallest * (1.0 - draw.random(above)) ** (-1.0 / (found.alpha - 1.0))
    return np.concatenate([draw.choice(below, n - above) if above < n else below[:0], tail])
