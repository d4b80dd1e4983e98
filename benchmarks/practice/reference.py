"""The rule of protocol.md in numpy, dense and in float64, apart from the product's estimator.

Shapes: J (n, K, p) logit Jacobians over the trained parameters, r (n, K) residuals and L (n, K, K)
curvature of the loss trained. For networks trained on copies of each example (shifts) the K logits
of all copies of one stand in a row, K times their number, those of the plain copy first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CONVERGED = 0.05  # of the penalty's own pull
VANISHED = 1e-6  # of an example's gradient, root mean square
SMALLEST = 1e-12  # eigenvalue

Nll = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Facts:
    """Of one network, where the objective is the mean over examples plus ½ Σ P_j θ_j²."""

    J: np.ndarray
    f: np.ndarray
    r: np.ndarray
    L: np.ndarray
    theta: np.ndarray
    decay: np.ndarray
    optimizer: str
    moment: np.ndarray | None
    T: float | None
    squared_error: bool
    copies: int = 1


@dataclass(frozen=True)
class LeaveOneOut:
    """Mean rise of the plain loss of an example left out, and what the rule looks at.

    tic is the first order of the rise of what was trained, tic_first of the plain copy's alone: not
    the same where an example has copies.
    """

    alo: float
    tic: float
    tic_first: float
    soft_rank: float
    temperature: float
    scatter: float
    each: np.ndarray


def metric(facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """(D, P), (p,) each: the optimiser's metric and the penalty's diagonal."""
    if facts.moment is None:
        return np.ones_like(facts.theta), facts.decay
    D = np.sqrt(facts.moment) + 1e-8
    D = np.maximum(D, 1e-3 * np.sort(D)[(len(D) - 1) // 2])
    return D, facts.decay * D if facts.optimizer == "adamw" else facts.decay


def converged(facts: Facts, P: np.ndarray) -> tuple[bool, float]:
    """Whether the gradient of the objective is small, and its ratio to the penalty's pull.

    Small against that pull; or, where weights and pull have both gone to nothing, against what one
    example pulls.
    """
    each = np.einsum("nkp,nk->np", facts.J, facts.r)
    left = float(np.linalg.norm(each.mean(axis=0) + P * facts.theta))
    pull = float(np.linalg.norm(P * facts.theta))
    ratio = left / pull if pull > 0 else math.inf
    nothing = left < VANISHED * float(np.sqrt((each**2).sum(axis=1).mean()))
    return ratio < CONVERGED or nothing, ratio


def eigen(facts: Facts, D: np.ndarray, P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(μ, Z): eigenvalues of D^-½(GGN + P)D^-½, and J D^-½ in its eigenbasis."""
    n, K, p = facts.J.shape
    Jd = (facts.J / np.sqrt(D)).reshape(n * K, p)
    half = (facts.L @ Jd.reshape(n, K, p)).reshape(n * K, p)
    mu, V = np.linalg.eigh(Jd.T @ half / n + np.diag(P / D))
    return np.maximum(mu, SMALLEST), (Jd @ V).reshape(n, K, p)


def leave_one_out(facts: Facts, Z: np.ndarray, weights: np.ndarray, nll: Nll) -> LeaveOneOut:
    """ALO with S_i = Z_i diag(weights) Z_iᵀ / n."""
    own = slice(0, facts.f.shape[1] // facts.copies)
    n, K = facts.f.shape
    S = (Z * weights) @ Z.transpose(0, 2, 1) / n
    moved = np.linalg.solve(np.eye(K) - facts.L @ S, facts.r[:, :, None])
    out = facts.f + (S @ moved)[:, :, 0]
    loss, before = nll(out), nll(facts.f)
    alo = float((loss - before).mean())
    rises = facts.r * np.einsum("nkl,nl->nk", S, facts.r)
    tic, first = float(rises.sum(axis=1).mean()), float(rises[:, own].sum(axis=1).mean())
    rank = float(np.einsum("nkl,nlk->n", facts.L, S).mean())
    t = 1.0 if facts.squared_error else temperature(nll, out)
    fit = alo * math.sqrt(2 / (n * rank)) if rank > 0 else 0.0
    scatter = math.hypot(float(loss.std()) / math.sqrt(n), fit)
    return LeaveOneOut(alo, tic, first * facts.copies, rank, t, scatter, loss - before)


def temperature(nll: Nll, logits: np.ndarray) -> float:
    """By which leave-one-out logits are best divided."""
    grid = np.exp(np.linspace(-4.6, 4.6, 461))
    return float(grid[np.argmin([nll(logits / t).mean() for t in grid])])


def estimates(facts: Facts, nll: Nll) -> dict[str, float | bool | None]:
    """All numbers the rule and the tables look at; filter's are None at a converged minimum."""
    D, P = metric(facts)
    at_minimum, ratio = converged(facts, P)
    T = None if at_minimum else facts.T
    mu, Z = eigen(facts, D, P)
    ridge = leave_one_out(facts, Z, 1 / mu if T is None else 1 / (mu + 1 / T), nll)
    other = None if T is None else leave_one_out(facts, Z, -np.expm1(-mu * T) / mu, nll)
    top = np.sort(ridge.each)[::-1]
    return {
        "converged": at_minimum,
        "gradient_ratio": ratio,
        "ridge": ridge.alo,
        "filter": None if other is None else other.alo,
        "tic": ridge.tic,
        "tic_first": ridge.tic_first,
        "soft_rank": ridge.soft_rank,
        "temperature": ridge.temperature,
        "scatter": ridge.scatter,
        "filter_scatter": None if other is None else other.scatter,
        "top_share": float(top[: max(1, len(top) // 20)].sum() / max(ridge.alo * len(top), 1e-12)),
        "eigenvalue_max": float(mu[-1]),
    }
