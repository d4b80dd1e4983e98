"""K-fold against least squares with a Gaussian design, whose expected gap is known exactly.

With noise of variance one, m examples and d columns the squared error is on average 1 − d/m on the
training set and 1 + d/(m − d − 1) on another (the mean of an inverse Wishart matrix). The loss is
half of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minimascope

N, D, K, SETS = 60, 6, 5, 400


def expected(m: float) -> float:
    return 0.5 * (D / (m - D - 1) + D / m)


@dataclass
class Runs:
    """One entry a training set (SETS)."""

    gap: np.ndarray
    at_n: np.ndarray
    error: np.ndarray
    of_expected: np.ndarray
    true: np.ndarray  # of the fit to all N, on all data there could be


def fitted(train: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.linalg.lstsq(*train, rcond=None)[0]


def predictor(train: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    w = fitted(train)
    return lambda X: X @ w


@pytest.fixture(scope="module")
def runs() -> Runs:
    random, rows = np.random.default_rng(0), []
    for _ in range(SETS):
        X, y = random.normal(size=(N, D)), random.normal(size=N)  # the true weights are 0
        found = minimascope.cross_validate(predictor, (X, y), K, loss="mse")
        w = fitted((X, y))
        true = 0.5 * (1 + w @ w) - 0.5 * np.mean((y - X @ w) ** 2)
        errors = found.standard_error, found.standard_error_of_expected
        rows.append((found.gap, found.gap_at_n, *errors, true))
    return Runs(*np.array(rows).T)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def test_the_gap_is_unbiased_at_the_size_of_a_fold(runs: Runs) -> None:
    mean, error = mean_and_error(runs.gap)
    assert abs(mean - expected(N * (1 - 1 / K))) < 3 * error
    # and it is not the gap at n, which is what the correction is for
    assert mean - expected(N) > 3 * error


def test_the_correction_takes_most_of_the_difference(runs: Runs) -> None:
    mean, error = mean_and_error(runs.at_n)
    # Burman's is right to O(1/n²): (1 − 1/k) of the expected gap at n(1 − 1/k)
    assert abs(mean - (1 - 1 / K) * expected(N * (1 - 1 / K))) < 3 * error
    left = abs((1 - 1 / K) * expected(N * (1 - 1 / K)) - expected(N))
    assert left < 0.15 * (expected(N * (1 - 1 / K)) - expected(N))


def test_one_standard_error_holds_the_gap_of_the_set_at_hand_two_times_in_three(
    runs: Runs,
) -> None:
    held = float(np.mean(np.abs(runs.at_n - runs.true) < runs.error))
    # 0.68, with the 5% either way of three binomial errors and 60 examples' skew
    assert 0.58 < held < 0.75


def test_errors_are_of_the_size_of_what_they_are_of(runs: Runs) -> None:
    of_expected = np.sqrt(np.mean(runs.of_expected**2))
    # somewhat small, as no unbiased one exists
    assert 0.6 < of_expected / runs.gap.std() < 1.1
    of_one = np.sqrt(np.mean(runs.error**2))
    assert 0.75 < of_one / (runs.gap - runs.true).std() < 1.15
