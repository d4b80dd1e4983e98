"""Power laws: drawn ones are found and not ruled out, others are (Clauset et al. 2009)."""

from __future__ import annotations

import numpy as np
import pytest

from minimascope.weight_matrices import power_law


def pareto(alpha: float, n: int, seed: int) -> np.ndarray:
    """p(x) ∝ x^−α above 1, by inversion."""
    return (1 - np.random.default_rng(seed).random(n)) ** (-1 / (alpha - 1))


@pytest.mark.parametrize("alpha", [1.5, 2.5, 4.0])
def test_the_exponent_of_a_drawn_law_is_found(alpha: float) -> None:
    found = power_law.fit(pareto(alpha, 2000, seed=1))
    assert abs(found.alpha - alpha) < 4 * found.error


def test_the_exponent_is_the_maximum_of_the_likelihood() -> None:
    values = pareto(2.5, 500, seed=2)
    found = power_law.fit(values)
    tail = values[values >= found.smallest * (1 - 1e-12)]
    grid = np.linspace(1.1, 5, 4000)
    logs = np.log(tail / found.smallest).sum()
    likelihood = len(tail) * np.log(grid - 1) - grid * logs
    assert abs(grid[likelihood.argmax()] - found.alpha) < 2 * (grid[1] - grid[0])
    assert found.tail == len(tail)


def test_a_tail_above_something_else_is_found_where_it_begins() -> None:
    draw = np.random.default_rng(3)
    values = np.concatenate([draw.random(1000), pareto(2.5, 1000, seed=3)])
    found = power_law.fit(values)
    assert 0.8 < found.smallest < 1.6
    assert abs(found.alpha - 2.5) < 4 * found.error


def test_p_is_uniform_for_the_law_and_small_for_the_spectrum_of_noise() -> None:
    own = [pareto(2.5, 200, seed) for seed in range(12)]
    kept = [power_law.p_value(v, power_law.fit(v), replicates=30) > 0.1 for v in own]
    # 11 of 12 are expected; 6 or fewer have probability 5e-5.
    assert sum(kept) > 6
    noise = np.random.default_rng(0).standard_normal((600, 300))
    squares = np.linalg.svd(noise, compute_uv=False) ** 2
    assert power_law.p_value(squares, power_law.fit(squares), replicates=30) <= 0.1
