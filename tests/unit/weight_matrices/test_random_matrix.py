"""Marchenko–Pastur: random matrices have no spikes, planted ones are counted."""

from __future__ import annotations

import numpy as np
import pytest

from minimascope.weight_matrices import random_matrix


def drawn(rows: int, columns: int, seed: int, sigma: float = 1.0) -> np.ndarray:
    return sigma * np.random.default_rng(seed).standard_normal((rows, columns))


def singular(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix, compute_uv=False)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
def test_the_median_is_that_of_a_large_random_matrix(ratio: float) -> None:
    values = singular(drawn(800, int(800 * ratio), seed=0)) ** 2 / 800
    assert abs(np.median(values) - random_matrix.median(ratio)) < 0.02


@pytest.mark.parametrize("shape", [(60, 40), (100, 100), (40, 400)])
def test_random_matrices_have_spikes_no_more_often_than_said(shape: tuple[int, int]) -> None:
    found = [random_matrix.bulk(singular(drawn(*shape, seed)), *shape) for seed in range(200)]
    # 1 in 100 is said, and the scale is estimated: 9 or more of 200 have probability 2e-4 at 1 %.
    assert sum(bulk.spikes > 0 for bulk in found) < 9


def test_scale_and_spikes_of_a_planted_matrix() -> None:
    matrix = drawn(200, 100, seed=1, sigma=0.3)
    for place, size in enumerate((40.0, 30.0, 20.0)):
        left, right = np.eye(200)[place], np.eye(100)[place]
        matrix += size * np.outer(left, right)
    found = random_matrix.bulk(singular(matrix), 200, 100)
    assert found.spikes == 3
    assert abs(found.sigma - 0.3) < 0.01
    assert 0.3 * (np.sqrt(200) + 10) < found.edge < 1.1 * 0.3 * (np.sqrt(200) + 10)


def test_the_density_of_the_picture_has_all_of_the_mass() -> None:
    found = random_matrix.Bulk(sigma=0.3, lower=0.0, edge=0.0, spikes=0)
    logs, density = random_matrix.density(found, 300, 100)
    assert abs(np.trapezoid(density, logs) - 1) < 5e-3
    values = np.log10(singular(drawn(300, 100, 0, 0.3)) ** 2)
    assert logs[0] < values.min() + 0.1
    assert values.max() - 0.1 < logs[-1]


def test_half_zero_is_no_random_matrix() -> None:
    assert random_matrix.bulk(np.array([1.0] * 10 + [0.0] * 20), 40, 30) is None
