"""Outlier rules and per-layer mass."""

import pytest
import torch

from minimascope.curvature.minimum.places import layer_indices, layer_mass
from minimascope.curvature.spectrum.outliers import outliers_by_gap, outliers_by_ratio
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def test_ratio_rule_counts_eigenvalues_above_a_tenth_of_the_first() -> None:
    values = torch.tensor([10.0, 5.0, 1.0001, 0.9999, 0.0, -9.0])
    assert outliers_by_ratio(values) == 3
    assert outliers_by_ratio(values, q=0.4) == 2


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, float("nan")])
def test_ratio_outside_its_range_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        outliers_by_ratio(torch.ones(3), q=q)


@pytest.mark.parametrize("name", BOUNDARY)
def test_both_rules_equal_the_reference_counts(name: str) -> None:
    reference = boundary_minimum(name).reference
    values = torch.tensor(reference["top30"], dtype=torch.float64)
    assert outliers_by_ratio(values) == reference["outliers_gt_0.1_l1"]
    assert outliers_by_gap(values, 5) == reference["largest_gap_rank_top20"]


def test_nothing_stands_out_of_a_zero_or_negative_spectrum() -> None:
    for values in (torch.zeros(4), -torch.ones(4), torch.empty(0)):
        assert outliers_by_ratio(values) == 0
        assert outliers_by_gap(values, 2) == 0


def test_layer_mass_sums_squares_over_a_layer() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    layers = layer_indices(minimum.places)
    assert list(layers) == ["0", "2", "4"]
    assert torch.cat(list(layers.values())).tolist() == list(range(minimum.dim))
    vectors = torch.zeros(2, minimum.dim, dtype=torch.float64)
    vectors[0, layers["2"][0]] = 0.6
    vectors[0, layers["4"][-1]] = -0.8
    vectors[1, layers["0"][7]] = 1
    names, mass = layer_mass(vectors, minimum.places)
    assert names == ["0", "2", "4"]
    expected = torch.tensor([[0, 0.36, 0.64], [1, 0, 0]], dtype=torch.float64)
    assert (mass - expected).abs().max() <= 1e-15
