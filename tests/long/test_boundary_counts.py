"""G(ε) and n90 of the reference networks, from every eigenvector of H."""

from __future__ import annotations

import pytest

from minimascope.boundary.complexity import alignment_matrix, complexity
from tests.cases.boundary_networks import all_eigenvectors
from tests.cases.reference_networks import boundary_minimum

# Ranks above n_abs_gt_1em12_rel of reference.json: 499, 1209, 893.
RANKS = {
    "iris-normal": 700,
    "gauss-normal": 1350,
    "gauss_checkerboard_linear-normal_close": 1050,
}


@pytest.mark.parametrize("name", RANKS)
def test_counts_and_n90_equal_the_reference(name: str) -> None:
    minimum, _, _, reference = boundary_minimum(name)
    alignment = alignment_matrix(minimum, all_eigenvectors(name, RANKS[name]))
    thresholds = [0.0472776, reference["threshold_min"], reference["threshold_mean"], 1e-3]
    found = complexity(alignment, dim=minimum.dim, epsilon=0.0472776, curve=thresholds)
    keys = ["paper_fig4_0.0472776", "thr_min", "thr_mean", "1e-3"]
    expected = [reference["count64"][key] for key in keys]
    # One vector may sit on a threshold: counts within 1, n90 exact.
    for count, wanted in zip(found.g_curve.count, expected, strict=True):
        assert abs(count - wanted) <= 1
    assert found.n90 == reference["n_vectors_for_90pct_energy"]
    assert found.g_at_epsilon == pytest.approx(expected[0] / minimum.dim, rel=0.01)
    # Eigenvectors left out have |λ| < 1e-12·λ₁; gradients barely reach them.
    assert found.energy_outside < 1e-5


def test_random_label_reference_counts_lie_in_the_interval() -> None:
    """Its counts include ~490 vectors of an arbitrary basis of the null space."""
    minimum, _, _, reference = boundary_minimum("gauss-random_label")
    alignment = alignment_matrix(minimum, all_eigenvectors("gauss-random_label", 1290))
    thresholds = [0.0472776, reference["threshold_min"], reference["threshold_mean"], 1e-3]
    found = complexity(alignment, dim=minimum.dim, epsilon=0.0472776, curve=thresholds)
    keys = ["paper_fig4_0.0472776", "thr_min", "thr_mean", "1e-3"]
    curve = found.g_curve
    for low, more, key in zip(curve.count, curve.count_outside, keys, strict=True):
        assert low - 1 <= reference["count64"][key] <= low + more + 1
    # A gradient with 0.27 of its length outside puts 0.07 of its energy there.
    largest = 1 - alignment.square().sum(dim=0).min()
    assert float(largest) == pytest.approx(reference["grad_nullspace_component_max"] ** 2, rel=0.5)
    assert found.energy_outside > 1e-3
    assert found.n90 == reference["n_vectors_for_90pct_energy"]
    assert found.n90_at_least >= found.n90 - 2
