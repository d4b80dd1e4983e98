"""What is sampled or coarsened for large problems says so and stays right."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.costs import boundary as boundary_costs
from minimascope.analysis.costs import margins as margin_costs
from minimascope.analysis.costs import planes
from minimascope.analysis.session.sampling import some_rows
from minimascope.analysis.stages.embeddings import tsne
from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.minimum import prepare
from tests.cases.analyses import analysed, save
from tests.cases.boundary_networks import small_cnn
from tests.cases.reference_networks import boundary_minimum


def test_margins_of_a_large_training_set_are_those_of_a_stated_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(margin_costs, "SEARCH_SECONDS", 0.0)
    x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    network = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        network[0].bias.zero_()
    save(tmp_path, network, (x, (x[:, 0] > 0).long()))
    mlp = {"family": "mlp", "activation": "relu"}
    report, kept = analysed(tmp_path, Parameters(architecture=mlp, stages=["spectrum", "margins"]))
    assert report.failures == []
    assert report.margins is not None
    found, margins = report.margins.l2, np.abs(kept.arrays["margins"])
    searched = np.isfinite(margins)
    assert found.searched == searched.sum() == 32
    # The boundary is the line x₁ = 0, so both norms of the smallest change are |x₁|.
    exact = np.abs(x[:, 0].double().numpy())
    for name in ("margins", "margins_linf"):
        assert np.abs(np.abs(kept.arrays[name]) - exact)[searched].max() < 1e-9
    right = kept.arrays["margins"] > 0
    assert found.misclassified == 0
    assert right.sum() == 32
    assert found.argmin == np.nanargmin(margins)
    # The error of a sample's median: half normal values have density 0.424 at their median of
    # 0.674, so 1/(2·0.424·√32)·√(1 − 32/60) = 0.14; two order statistics give it within a factor 3.
    assert found.median_standard_error is not None
    assert 0.14 / 3 < found.median_standard_error < 0.14 * 3
    assert (kept.arrays["margin_beyond"] == -1).tolist() == (~searched).tolist()
    assert kept.arrays["margin_ends"][searched, 0] == pytest.approx(0, abs=1e-9)


def test_walks_over_a_large_training_set_are_those_of_a_stated_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_costs, "WALK_SECONDS", 0.0)
    monkeypatch.setattr(boundary_costs, "FEWEST_WALKED", 40)
    x = torch.randn(90, 2, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] + 0.3 * x[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(2, 2))
    save(tmp_path, network, (x, y))
    mlp = {"family": "mlp", "activation": "relu"}
    asked = Parameters(architecture=mlp, stages=["spectrum", "boundary"], top_k=3, seed=4)
    report, kept = analysed(tmp_path, asked)
    assert report.boundary is not None
    assert report.boundary.walked == 40
    rows = some_rows(prepare(network, x, y), 40, seed=4)
    with torch.no_grad():
        outputs = network(x.double())[rows]
    losses = nn.functional.cross_entropy(outputs, y[rows], reduction="none")
    middle = kept.arrays["walk_loss"].shape[1] // 2
    assert kept.arrays["walk_loss"][:, middle] == pytest.approx(float(losses.mean()), rel=1e-6)
    error = float(losses.std()) * (1 - 40 / 90) ** 0.5 / 40**0.5
    assert kept.arrays["walk_loss_error"][:, middle] == pytest.approx(error, rel=1e-6)
    right = float((outputs.argmax(1) == y[rows]).double().mean())
    binomial = (right * (1 - right) / 39) ** 0.5 * (1 - 40 / 90) ** 0.5
    assert kept.arrays["walk_accuracy_error"][:, middle] == pytest.approx(binomial, rel=1e-6)
    assert kept.arrays["walk_x"][0] == kept.arrays["slice_x"][0]  # the map of all points
    monkeypatch.setattr(boundary_costs, "FEWEST_WALKED", 90)
    whole, arrays = analysed(tmp_path, asked)
    assert whole.boundary is not None
    assert whole.boundary.walked is None
    assert "walk_loss_error" not in arrays.arrays


def test_planes_are_coarser_where_their_points_would_take_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dense, convolutional = boundary_minimum("iris-normal").minimum, small_cnn()
    monkeypatch.setattr(planes, "GRADIENT_NUMBERS", 10_000 * convolutional.dim)
    assert planes.resolution_for(dense, vectors=15) == 200
    assert planes.resolution_for(convolutional, vectors=15) == 100
    for network in (dense, convolutional):
        each = planes.point_seconds(network, vectors=15)
        monkeypatch.setattr(planes, "PLANE_SECONDS", 2_500.5 * each)
        assert planes.resolution_for(network, vectors=15) == 50
    monkeypatch.setattr(planes, "GRADIENT_NUMBERS", 1)
    assert planes.resolution_for(convolutional, vectors=15) == planes.COARSEST


def test_ascents_along_eigenvectors_are_shorter_where_a_step_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for network in (boundary_minimum("iris-normal").minimum, small_cnn()):
        assert margin_costs.steps_for(network, vectors=5) == 300
        each = margin_costs.step_seconds(network, vectors=5)
        monkeypatch.setattr(margin_costs, "ASCENT_SECONDS", 70.5 * each)
        assert margin_costs.steps_for(network, vectors=5) == 70
        monkeypatch.setattr(margin_costs, "ASCENT_SECONDS", 0.0)
        assert margin_costs.steps_for(network, vectors=5) == 20
        monkeypatch.undo()


def test_hessians_of_classes_are_left_out_where_their_products_take_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = boundary_costs.hessian_seconds(small_cnn())
    assert seconds is not None
    monkeypatch.setattr(boundary_costs, "HESSIAN_SECONDS", 0.9 * seconds)
    assert boundary_costs.hessian_seconds(small_cnn()) is None


def test_embeddings_repeat_and_stop_at_what_is_readable() -> None:
    inputs = boundary_minimum("iris-normal").minimum.inputs[:40]
    first = tsne(inputs, seed=1)
    assert first is not None
    assert first.shape == (40, 2)
    assert np.array_equal(first, tsne(inputs, seed=1))
    assert tsne(torch.ones(20, 3), seed=1) is None  # all the same: nothing to see
    many = prepare(nn.Linear(3, 2), torch.randn(5001, 3), torch.zeros(5001, dtype=torch.long))
    sizes = {n: boundary_costs.is_embedded(many.subset(torch.arange(n))) for n in (9, 5000, 5001)}
    assert sizes == {9: False, 5000: True, 5001: False}


def test_without_scikit_learn_the_report_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    x = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    save(tmp_path, nn.Sequential(nn.Linear(3, 2)), (x, (x[:, 0] > 0).long()))
    mlp = {"family": "mlp", "activation": "relu"}
    report, kept = analysed(tmp_path, Parameters(architecture=mlp, stages=["boundary"]))
    assert report.failures == []
    assert "embedding_tsne" not in kept.arrays
    assert any("scikit-learn" in warning for warning in report.warnings)


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**-100, 2.0**100])  # exact in every digit
def test_embeddings_do_not_depend_on_the_unit_of_the_inputs(scale: float) -> None:
    inputs = boundary_minimum("iris-normal").minimum.inputs[:40]
    first, second = tsne(inputs, seed=1), tsne(scale * inputs, seed=1)
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


def test_what_differs_by_rounding_alone_has_no_embedding() -> None:
    same = 3.0 + 1e-15 * torch.randn(20, 3, dtype=torch.float64)
    assert tsne(same, seed=1) is None
