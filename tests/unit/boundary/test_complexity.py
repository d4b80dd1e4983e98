"""G(ε), n90 and the random threshold against the reference networks."""

from __future__ import annotations

import pytest
import torch

from minimascope.boundary import complexity as complexities
from minimascope.boundary.alignment import align
from minimascope.boundary.complexity import (
    alignment_matrix,
    complexity,
    random_max_alignment,
)
from tests.cases.boundary_networks import (
    linear_minimum,
    regression_minimum,
    top_vectors,
    unit_rows,
)
from tests.cases.reference_networks import boundary_minimum


def test_the_matrix_of_all_vectors_equals_alignment_one_by_one() -> None:
    minimum = boundary_minimum("gauss-normal").minimum
    vectors = 2 * top_vectors("gauss-normal").double()
    matrix = alignment_matrix(minimum, vectors)
    assert (matrix - align(minimum, vectors, minimum.inputs).values).abs().max() < 1e-12


def test_g_counts_prescribed_alignments() -> None:
    # One point aligned with three orthonormal vectors by 0.8, 0.5, 0.33166: energies .64 .25 .11.
    alignment = torch.tensor([[0.5], [-0.8], [0.11**0.5]], dtype=torch.float64)
    found = complexity(alignment, dim=10, epsilon=0.5, curve=[0.1, 0.34, 0.6, 0.9])
    assert found.g_curve.count == [3, 2, 1, 0]
    assert found.g_at_epsilon == 0.2  # ≥ ε, not > ε
    assert found.n90 == 3  # .64 + .25 = .89 < .9
    assert found.energy_outside == pytest.approx(0, abs=1e-15)


def test_unseen_energy_leaves_n90_open() -> None:
    alignment = torch.tensor([[0.8, 0.6]], dtype=torch.float64)
    found = complexity(alignment, dim=10, epsilon=0.1)
    assert found.n90 is None
    assert found.energy_outside == pytest.approx(1 - (0.64 + 0.36) / 2)
    assert found.vectors_known == 1


def test_points_without_direction_are_left_out_and_counted() -> None:
    alignment = torch.tensor([[0.8, torch.nan], [0.6, torch.nan]], dtype=torch.float64)
    found = complexity(alignment, dim=4, epsilon=0.7)
    assert (found.zeroed_points, found.count_at_epsilon, found.n90) == (1, 1, 2)


def test_random_threshold_is_the_size_expected_of_random_vectors() -> None:
    # Softmax regression on one point: |A| of a random unit vector in p dimensions has mean
    # √(2/(πp)) (1 + O(1/p)) and standard deviation √((1 − 2/π)/p).
    inputs = torch.randn(1, 199, generator=torch.Generator().manual_seed(0))
    minimum = linear_minimum(torch.zeros(5, 199), torch.arange(5), inputs)
    found = random_max_alignment(minimum, count=400)
    mean, deviation = (2 / torch.pi / 1000) ** 0.5, ((1 - 2 / torch.pi) / 1000) ** 0.5
    # Five standard errors of 400 draws.
    assert abs(float(found.mean()) - mean) < 5 * deviation / 400**0.5
    measured = complexity(torch.ones(1, 1).double(), dim=1000, random=found)
    assert measured.epsilon.value == pytest.approx(mean, rel=0.2)
    assert measured.epsilon.spread == pytest.approx(deviation, rel=0.2)
    assert "400 random unit vectors" in measured.epsilon.source


def test_random_threshold_repeats_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    minimum = boundary_minimum("iris-normal").minimum
    first = random_max_alignment(minimum, seed=3)
    assert torch.equal(first, random_max_alignment(minimum, seed=3))
    monkeypatch.setattr(complexities, "RANDOM_NUMBERS", 30 * minimum.dim)
    assert complexities.random_at_once(minimum.dim) == 30
    apart = random_max_alignment(minimum, seed=3)  # the same vectors in four passes, not one
    assert torch.allclose(apart, first, rtol=1e-12)
    assert not torch.equal(first, random_max_alignment(minimum, seed=4))


def test_float32_refuses_thresholds_of_rounding_size() -> None:
    with pytest.raises(ValueError, match="1e-06 is below 1e-5"):
        complexity(torch.ones(2, 3), dim=10, epsilon=1e-6)
    assert complexity(torch.ones(2, 3), dim=10, epsilon=1e-5).count_at_epsilon == 2


@pytest.mark.parametrize("epsilon", [0.0, -0.1, 1.5, float("nan")])
def test_impossible_thresholds_are_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="is not a threshold"):
        complexity(torch.ones(2, 3).double(), dim=10, epsilon=epsilon)


def test_a_threshold_needs_a_source() -> None:
    with pytest.raises(ValueError, match="No threshold"):
        complexity(torch.ones(2, 3).double(), dim=10)
    with pytest.raises(ValueError, match="99 random vectors are too few"):
        random_max_alignment(boundary_minimum("iris-normal").minimum, count=99)


def test_regression_is_refused() -> None:
    with pytest.raises(ValueError, match="no decision boundary"):
        alignment_matrix(regression_minimum(), unit_rows(1, 3))
