"""Intervals of the gap against the rule written a second time, in numpy, from the formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from torch import nn

from minimascope.curvature.gap.calibrated import COVERAGE, SIGMA, sigma_of
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.interval import HALF, NINETY, interval, widest_factor, within_two
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.optimiser import Optimiser, OptimizerName

Floats = np.ndarray[Any, np.dtype[np.float64]]


def test_the_two_normal_quantiles_are_those_of_scipy() -> None:
    assert pytest.approx(norm.ppf(0.75), abs=5e-5) == HALF
    assert pytest.approx(norm.ppf(0.95), abs=5e-5) == NINETY


@pytest.mark.parametrize("sigma", [0.0, 0.25, 0.5])
def test_without_scatter_the_ends_are_those_of_a_log_normal(sigma: float) -> None:
    found = interval(0.2, sigma=sigma, scatter=0.0, z=NINETY)
    assert found == pytest.approx(
        (0.2 * math.exp(-NINETY * sigma), 0.2 * math.exp(NINETY * sigma)), rel=1e-12
    )


def test_without_sigma_the_ends_are_those_of_a_normal_and_no_gap_is_negative() -> None:
    assert interval(0.2, sigma=0.0, scatter=0.05, z=1.0) == pytest.approx((0.15, 0.25), rel=1e-12)
    assert interval(0.2, sigma=0.0, scatter=0.5, z=1.0).low == 0.0


def test_both_parts_add_in_squares_on_each_side() -> None:
    m, sigma, s, z = 0.3, 0.25, 0.04, NINETY
    low = m - math.sqrt((m * (1 - math.exp(-z * sigma))) ** 2 + (z * s) ** 2)
    high = m + math.sqrt((m * (math.exp(z * sigma) - 1)) ** 2 + (z * s) ** 2)
    assert interval(m, sigma=sigma, scatter=s, z=z) == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize(("sigma", "scatter"), [(0.25, 0.0), (0.25, 0.03), (0.3, 0.06)])
def test_the_interval_holds_what_it_says_of_its_own_model(sigma: float, scatter: float) -> None:
    rng = np.random.default_rng(0)
    z, luck = rng.standard_normal((2, 200_000))
    gaps = 0.2 * np.exp(sigma * z) + scatter * luck
    for at, share in ((HALF, 0.5), (NINETY, 0.9)):
        low, high = interval(0.2, sigma=sigma, scatter=scatter, z=at)
        held = float(((gaps >= low) & (gaps <= high)).mean())
        # Adding the sides in squares is an approximation of the sum's quantiles: 1.5% of it here.
        assert held == pytest.approx(share, abs=0.015)


def test_within_two_and_the_widest_factor_agree() -> None:
    for low, high in ((0.1, 0.4), (0.0999, 0.3), (0.15, 0.401), (0.0, 0.1)):
        found = interval(0.2, sigma=0, scatter=0, z=1)._replace(low=low, high=high)
        assert within_two(found, 0.2) == (widest_factor(found, 0.2) <= 2)


def test_each_optimiser_has_a_sigma_and_guessed_moments_widen_it() -> None:
    assert set(SIGMA) == {"sgd", "adam", "adamw", "lbfgs", "other", None}
    for name in ("adam", "adamw"):
        assert sigma_of(name, "state") == sigma_of(name) == SIGMA[name]
        assert min(sigma_of(name, "gradients"), sigma_of(name, "scalar")) > SIGMA[name]


def test_the_coverage_stated_is_the_one_measured_and_not_the_one_wished_for() -> None:
    shares = [float(word.strip(".,%")) / 100 for word in COVERAGE.sentence.split() if "%" in word]
    ninety, half = COVERAGE.ninety / COVERAGE.networks, COVERAGE.half / COVERAGE.networks
    assert shares == [0.9, round(ninety, 2), 0.5, round(half, 2)]


class Drawn(NamedTuple):
    """A softmax regression fitted to a sample, and the gap to a large fresh sample."""

    minimum: Minimum
    X: Floats
    y: np.ndarray[Any, np.dtype[np.int64]]
    W: Floats
    gap: float


CLASSES, INPUTS = 3, 5


def losses(F: Floats, y: np.ndarray[Any, Any]) -> Floats:
    peak = F.max(1, keepdims=True)
    total: Floats = np.log(np.exp(F - peak).sum(1)) + peak[:, 0]
    return total - F[np.arange(len(y)), y]


def softmax(F: Floats) -> Floats:
    e = np.exp(F - F.max(1, keepdims=True))
    found: Floats = e / e.sum(1, keepdims=True)
    return found


def drawn(seed: int, *, n: int = 120, ridge: float = 0.02) -> Drawn:
    """The exact minimum, by Newton's method."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(INPUTS, CLASSES))
    X = rng.normal(size=(n + 8000, INPUTS))
    y = (X @ truth + rng.gumbel(size=(len(X), CLASSES))).argmax(1)
    A, W = X[:n], np.zeros((INPUTS, CLASSES))
    size = W.size
    for _ in range(25):
        P = softmax(A @ W)
        g = A.T @ (P - np.eye(CLASSES)[y[:n]]) / n + ridge * W
        L = np.einsum("nk,kl->nkl", P, np.eye(CLASSES)) - P[:, :, None] * P[:, None]
        H = np.einsum("ni,nkl,nj->ikjl", A, L, A).reshape(size, size) / n + ridge * np.eye(size)
        W = W - np.linalg.solve(H, g.ravel()).reshape(W.shape)
    network = nn.Linear(INPUTS, CLASSES, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.from_numpy(W.T))
    minimum = prepare(network, torch.from_numpy(A), torch.from_numpy(y[:n]))
    gap = float(losses(X[n:] @ W, y[n:]).mean() - losses(A @ W, y[:n]).mean())
    return Drawn(minimum.trained(weight_decay=ridge), A, y[:n], W, gap)


def trained_by(case: Drawn, optimizer: OptimizerName | None) -> Minimum:
    objective = replace(case.minimum.objective, optimiser=Optimiser(optimizer))
    return replace(case.minimum, objective=objective)


def rule(case: Drawn, *, ridge: float, sigma: float) -> tuple[float, list[tuple[float, float]]]:
    """(m, [50% interval, 90% interval]) at an exact minimum, dense and from the formulas alone."""
    n = len(case.y)
    F = case.X @ case.W
    P = softmax(F)
    r = P - np.eye(CLASSES)[case.y]
    L = np.einsum("nk,kl->nkl", P, np.eye(CLASSES)) - P[:, :, None] * P[:, None]
    J = np.einsum("nq,kl->nkql", case.X, np.eye(CLASSES)).reshape(n, CLASSES, -1)
    A = np.einsum("nkp,nkl,nlq->pq", J, L, J) / n + ridge * np.eye(J.shape[2])
    S = np.einsum("nkp,pq,nlq->nkl", J, np.linalg.inv(A), J) / n
    out = F + (S @ np.linalg.solve(np.eye(CLASSES) - L @ S, r[:, :, None]))[:, :, 0]
    alo = float((losses(out, case.y) - losses(F, case.y)).mean())
    rank = float(np.einsum("nkl,nlk->", L, S))
    heat = minimize_scalar(
        lambda t: losses(out / math.exp(t), case.y).mean(), bounds=(-3, 3), method="bounded"
    )
    m = alo * min(1.0, 1.2 / math.exp(heat.x))
    s = math.hypot(losses(out, case.y).std(ddof=1) / math.sqrt(n), alo * math.sqrt(2 / rank))
    ends = []
    for share in (0.5, 0.9):
        z = float(norm.ppf(0.5 + share / 2))
        low = m - math.hypot(m * (1 - math.exp(-z * sigma)), z * s)
        ends.append((max(0.0, low), m + math.hypot(m * (math.exp(z * sigma) - 1), z * s)))
    return m, ends


@pytest.mark.parametrize(("optimizer", "sigma"), [("lbfgs", 0.25), ("sgd", 0.30), (None, 0.30)])
def test_headline_and_intervals_equal_the_rule_written_twice(optimizer: Any, sigma: float) -> None:
    case = drawn(3)
    found = estimate_gap(trained_by(case, optimizer)).headline
    assert found is not None
    m, (half, ninety) = rule(case, ridge=0.02, sigma=sigma)
    # The quantiles have five digits, and the temperature is found to 1e-8.
    assert found.value == pytest.approx(m, rel=1e-6)
    assert found.half == pytest.approx(half, rel=2e-4)
    assert found.ninety == pytest.approx(ninety, rel=2e-4)
    assert found.coverage is COVERAGE


def test_intervals_of_drawn_regressions_hold_their_gaps_as_often_as_they_say() -> None:
    """At exact minima nothing lies beyond scatter, so σ makes them hold at least what they say."""
    draws = 40
    held = {"half": 0, "ninety": 0}
    for seed in range(draws):
        case = drawn(seed)
        found = estimate_gap(trained_by(case, "lbfgs")).headline
        assert found is not None
        held["half"] += found.half.low <= case.gap <= found.half.high
        held["ninety"] += found.ninety.low <= case.gap <= found.ninety.high
    # Two binomial standard errors below what is said: 20 − 2·3.2 and 36 − 2·1.9 of 40.
    assert held["half"] >= 14
    assert held["ninety"] >= 33
    assert held["half"] < draws  # an interval that always holds says nothing
