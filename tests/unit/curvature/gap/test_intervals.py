"""Intervals of the gap against the rule written a second time, in numpy, from the formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm, t

from minimascope.curvature.gap.calibrated import COVERAGE, SIGMA, SIGMA_APART
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.interval import (
    HALF,
    NINETY,
    Level,
    interval,
    widest_factor,
    within_two,
)
from tests.cases.regressions import (
    CLASSES,
    RATE,
    STEPS,
    Drawn,
    curvatures,
    drawn,
    losses,
    softmax,
    stopped,
    trained_by,
)

ONE = Level(1.0, 1.0)


def test_the_quantiles_are_those_of_scipy() -> None:
    for level, upper in ((HALF, 0.75), (NINETY, 0.95)):
        assert pytest.approx((norm.ppf(upper), t(5).ppf(upper)), abs=5e-5) == tuple(level)


@pytest.mark.parametrize("sigma", [0.0, 0.25, 0.5])
def test_without_scatter_the_ends_are_those_of_the_logarithms(sigma: float) -> None:
    found = interval(0.2, sigma=sigma, scatter=0.0, level=NINETY)
    assert found == pytest.approx(
        (0.2 * math.exp(-NINETY.t * sigma), 0.2 * math.exp(NINETY.t * sigma)), rel=1e-12
    )


def test_without_sigma_the_ends_are_those_of_a_normal_and_no_gap_is_negative() -> None:
    found = interval(0.2, sigma=0.0, scatter=0.05, level=ONE)
    assert found == pytest.approx((0.15, 0.25), rel=1e-12)
    assert interval(0.2, sigma=0.0, scatter=0.5, level=ONE).low == 0.0


def test_both_parts_add_in_squares_on_each_side() -> None:
    m, sigma, s = 0.3, 0.25, 0.04
    low = m - math.hypot(m * (1 - math.exp(-2.0150 * sigma)), 1.6449 * s)
    high = m + math.hypot(m * (math.exp(2.0150 * sigma) - 1), 1.6449 * s)
    assert interval(m, sigma=sigma, scatter=s, level=NINETY) == pytest.approx(
        (low, high), rel=1e-12
    )


@pytest.mark.parametrize(("sigma", "scatter"), [(0.25, 0.0), (0.25, 0.03), (0.3, 0.06)])
def test_the_interval_holds_what_it_says_of_its_own_model(sigma: float, scatter: float) -> None:
    rng = np.random.default_rng(0)
    off, luck = rng.standard_t(5, 200_000), rng.standard_normal(200_000)
    gaps = 0.2 * np.exp(sigma * off) + scatter * luck
    for at, share in ((HALF, 0.5), (NINETY, 0.9)):
        low, high = interval(0.2, sigma=sigma, scatter=scatter, level=at)
        held = float(((gaps >= low) & (gaps <= high)).mean())
        # Adding the sides in squares is an approximation of the sum's quantiles: 1.5% of it here.
        assert held == pytest.approx(share, abs=0.015)


def test_within_two_and_the_widest_factor_agree() -> None:
    for low, high in ((0.1, 0.4), (0.0999, 0.3), (0.15, 0.401), (0.0, 0.1)):
        found = interval(0.2, sigma=0, scatter=0, level=ONE)._replace(low=low, high=high)
        assert within_two(found, 0.2) == (widest_factor(found, 0.2) <= 2)


def test_the_coverage_stated_is_the_one_measured_and_not_the_one_wished_for() -> None:
    shares = [float(word.strip(".,%")) / 100 for word in COVERAGE.sentence.split() if "%" in word]
    ninety, half = COVERAGE.ninety / COVERAGE.networks, COVERAGE.half / COVERAGE.networks
    assert shares == [0.9, round(ninety, 2), 0.5, round(half, 2)]


def rule(case: Drawn, *, ridge: float, sigma: float) -> tuple[float, list[tuple[float, float]]]:
    """(m, [50% interval, 90% interval]) at an exact minimum, dense and from the formulas alone."""
    n = len(case.y)
    F = case.X @ case.W
    P = softmax(F)
    r = P - np.eye(CLASSES)[case.y]
    L = curvatures(P)
    J = np.einsum("nq,kl->nkql", case.X, np.eye(CLASSES)).reshape(n, CLASSES, -1)
    A = np.einsum("nkp,nkl,nlq->pq", J, L, J) / n + ridge * np.eye(J.shape[2])
    S = np.einsum("nkp,pq,nlq->nkl", J, np.linalg.inv(A), J) / n
    out = F + (S @ np.linalg.solve(np.eye(CLASSES) - L @ S, r[:, :, None]))[:, :, 0]
    alo = float((losses(out, case.y) - losses(F, case.y)).mean())
    rank = float(np.einsum("nkl,nlk->", L, S))
    m = alo
    s = math.hypot(losses(out, case.y).std(ddof=1) / math.sqrt(n), alo * math.sqrt(2 / rank))
    ends = []
    for share in (0.5, 0.9):
        z, away = (float(law.ppf(0.5 + share / 2)) for law in (norm, t(5)))
        low = m - math.hypot(m * (1 - math.exp(-away * sigma)), z * s)
        ends.append((max(0.0, low), m + math.hypot(m * (math.exp(away * sigma) - 1), z * s)))
    return m, ends


@pytest.mark.parametrize(("optimizer", "sigma"), [("lbfgs", 0.16), ("sgd", 0.16), (None, 0.31)])
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


def stopped_rule(case: Drawn) -> tuple[float, float, float, float]:
    """(m, ridge, s, σ) of SGD stopped after T: ridge, filter, bend, one eigendecomposition."""
    n, T = len(case.y), RATE * STEPS
    F = case.X @ case.W
    P = softmax(F)
    r = P - np.eye(CLASSES)[case.y]
    L = curvatures(P)
    J = np.einsum("nq,kl->nkql", case.X, np.eye(CLASSES)).reshape(n, CLASSES, -1)
    mu, V = np.linalg.eigh(np.einsum("nkp,nkl,nlq->pq", J, L, J) / n)
    mu, Z = np.maximum(mu, 1e-12), J @ V
    alos, spreads, heat, close = [], [], 1.0, 0.0
    for weights in (1 / (mu + 1 / T), -np.expm1(-mu * T) / mu):
        S = np.einsum("nkp,p,nlp->nkl", Z, weights, Z) / n
        out = F + (S @ np.linalg.solve(np.eye(CLASSES) - L @ S, r[:, :, None]))[:, :, 0]
        alo = float((losses(out, case.y) - losses(F, case.y)).mean())
        rank = float(np.einsum("nkl,nlk->", L, S))
        spread = losses(out, case.y).std(ddof=1) / math.sqrt(n)
        if not alos:
            found = minimize_scalar(
                lambda t, f=out: losses(f / math.exp(t), case.y).mean(),
                bounds=(-3, 3),
                method="bounded",
                options={"xatol": 1e-8},
            )
            heat = math.exp(found.x)
            tic = float(np.einsum("nk,nkl,nl->", r, S, r))
            close = max(0.0, 1 - tic / rank / 0.1)
        alos.append(alo)
        spreads.append(math.hypot(spread, alo * math.sqrt(2 / rank)))
    m = alos[0] ** (1 - close) * alos[1] ** close * min(1.0, max(0.5, (1.2 / heat) ** 0.5))
    s = spreads[0] ** (1 - close) * spreads[1] ** close
    shares = np.bincount(case.y) / n
    half = -float((shares * np.log(shares)).sum()) / 2
    if m > half:
        m, s = half * (1 + math.log(m / half)), s * half / m
    return m, alos[0], s, math.hypot(SIGMA, SIGMA_APART * (1 - alos[0] / alos[1]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stopped_sgd_is_the_rule_written_twice(seed: int) -> None:
    case = stopped(seed)
    result = estimate_gap(case.minimum)
    assert result.headline is not None
    m, ridge, s, sigma = stopped_rule(case)
    assert result.estimates["alo_ggn"].value == pytest.approx(ridge, rel=1e-8)
    assert result.headline.value == pytest.approx(m, rel=1e-6)
    assert result.headline.scatter == pytest.approx(s, rel=1e-6)
    assert result.headline.sigma == pytest.approx(sigma, rel=1e-8)
