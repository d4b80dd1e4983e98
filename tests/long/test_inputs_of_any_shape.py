"""The whole analysis on images, tables and regression: complete, finite, or refused in words."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from minimascope.contract.arrays import ARRAYS
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import Report
from tests.cases.analyses import CNN, Kept, analysed, digit_images, digits_network, save

REFERENCES = Path(__file__).parents[1] / "cases" / "reference" / "boundary"
# NaN separates polylines; a class without pairs has no mean cosine; 15 bins may be empty.
MAY_HOLD_NAN = {
    "region_boundary",
    "slice_boundary",
    "boundary_inputs",
    "coherence_class_means",
    "calibration",
    "calibration_alo",
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Kept]:
    folder = tmp_path_factory.mktemp("digits")
    images, labels = digit_images()
    images, labels = images[:120], labels[:120]
    save(folder, digits_network(images, labels), (images, labels))
    return analysed(folder, Parameters(architecture=CNN, weight_decay=1e-4, top_k=6))


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Kept]:
    folder = tmp_path_factory.mktemp("iris")
    for name in ("model.pt", "train.npz", "test.npz"):
        shutil.copy(REFERENCES / "iris-normal" / name, folder)
    relu = {"family": "mlp", "activation": "relu"}
    stages = ["spectrum", "boundary", "margins"]
    return analysed(folder, Parameters(architecture=relu, stages=stages))


def numbers(value: object) -> list[float]:
    """Every float in a nested document."""
    if isinstance(value, dict):
        return [each for item in value.values() for each in numbers(item)]
    if isinstance(value, list):
        return [each for item in value for each in numbers(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_every_section_is_there_and_every_number_finite(
    name: str, request: pytest.FixtureRequest
) -> None:
    report, kept = request.getfixturevalue(name)
    assert report.failures == []
    assert report.boundary is not None
    assert report.margins is not None
    assert all(math.isfinite(each) for each in numbers(report.model_dump()))
    assert set(kept.arrays) <= set(ARRAYS)
    for array, values in kept.arrays.items():
        if array not in MAY_HOLD_NAN:
            assert np.isfinite(values).all(), array
    assert kept.fractions == sorted(kept.fractions)


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_the_drawn_plane_is_that_of_the_points(name: str, request: pytest.FixtureRequest) -> None:
    report, kept = request.getfixturevalue(name)
    arrays = kept.arrays
    assert "principal components" in report.boundary.plane
    n, side = report.data.train.n, len(arrays["slice_x"])
    assert arrays["slice_alignment"].shape == (len(report.spectrum.eigenvalues), side, side)
    assert arrays["slice_offset"].shape == (n,)
    # The points lie inside the plane drawn, in its own coordinates.
    for axis, grid in enumerate((arrays["slice_x"], arrays["slice_y"])):
        assert grid[0] < arrays["points"][:, axis].min()
        assert grid[-1] > arrays["points"][:, axis].max()
    inside = squared_distances(kept, report)
    # Total variance is what the plane holds and what it leaves out: float32 rounding apart.
    assert inside == pytest.approx(1, rel=1e-5)


def squared_distances(kept: Kept, report: Report) -> float:
    """Share of the total variance held by coordinates in the plane and offsets from it."""
    points: NDArray[np.float64] = kept.arrays["points"].astype(np.float64)
    held = (points**2).sum() + (kept.arrays["slice_offset"].astype(np.float64) ** 2).sum()
    return float(held / total_variance(report))


def total_variance(report: Report) -> float:
    if report.data.input_shape == [1, 8, 8]:
        inputs = digit_images()[0][:120].flatten(1).double().numpy()
    else:
        with np.load(REFERENCES / "iris-normal" / "train.npz") as data:
            inputs = data["X"].astype(np.float64)
    return float(((inputs - inputs.mean(axis=0)) ** 2).sum())


def test_digits_are_embedded_with_neighbours_of_their_own_class(
    digits: tuple[Report, Kept],
) -> None:
    _, kept = digits
    coordinates, labels = kept.arrays["embedding_tsne"], kept.arrays["labels"]
    distances = ((coordinates[:, None] - coordinates[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = labels[distances.argmin(axis=1)]
    # By chance one in ten; the inputs' own nearest neighbours agree on more than 90%.
    assert (nearest == labels).mean() > 0.7


def test_each_boundary_vertex_is_explained_by_at_most_one_vector(
    iris: tuple[Report, Kept],
) -> None:
    report, kept = iris
    lines, owner = kept.arrays["slice_boundary"], kept.arrays["slice_boundary_vector"]
    assert len(lines) == len(owner)
    drawn = np.isfinite(lines).all(axis=1)
    assert (owner[~drawn] == 0).all()
    # `explained` counts grid edges, vertices lie on those edges: both say how much of the
    # boundary some known vector flips at. Outlines of three classes may be drawn twice.
    share = float((owner[drawn] > 0).mean())
    assert share == pytest.approx(report.boundary.explained[-1], abs=0.05)


def test_class_subsets_and_pairs_are_measured_at_the_same_threshold(
    iris: tuple[Report, Kept],
) -> None:
    report, _ = iris
    subsets = report.boundary.subsets
    assert [each.classes for each in subsets] == [[0], [1], [2], [0, 1], [0, 2], [1, 2]]
    whole = round(report.boundary.g_at_epsilon * report.checkpoint.parameters)
    for each in subsets:
        # Fewer points cannot reach the threshold in more directions.
        assert each.count <= whole
        assert each.converged
        assert each.outliers.by_ratio.count >= 1
    assert sum(each.n for each in subsets[:3]) == report.data.train.n
    # The mean loss over all points is the weighted mean over classes, so λ₁ is at most theirs.
    bound = sum(each.n * each.eigenvalues[0] for each in subsets[:3]) / report.data.train.n
    assert report.spectrum.eigenvalues[0] <= bound * (1 + 1e-6)


def test_margins_are_listed_by_pair_and_in_both_norms(iris: tuple[Report, Kept]) -> None:
    report, kept = iris
    found, largest = report.margins.l2, report.margins.linf
    assert min(each.margin.upper for each in found.per_pair) == found.smallest.upper
    margins = kept.arrays["margins"]
    right = sorted(margins[margins > 0])
    assert found.misclassified == (margins < 0).sum()
    assert [each.margin.upper for each in found.nearest] == right[:10]
    first = found.nearest[0]
    assert first.point == found.argmin
    assert kept.arrays["margin_beyond"][first.point] == first.beyond != first.own
    # ‖δ‖∞ ≤ ‖δ‖₂ ≤ √d ‖δ‖∞ for true margins; both searches are within a few percent of those.
    ratio = kept.arrays["margins_linf"] / kept.arrays["margins"]
    assert ratio.max() < 1.05
    assert ratio.min() > 0.95 / 4**0.5
    assert largest.norm == "linf"


def test_regression_is_refused_in_words_and_its_gap_still_estimated(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=generator)
    y = x.sum(dim=1, keepdim=True) + 0.1 * torch.randn(40, 1, generator=generator)
    network = nn.Sequential(nn.Linear(3, 1))
    with torch.no_grad():
        solution = torch.linalg.lstsq(torch.cat([x, torch.ones(40, 1)], dim=1), y).solution
        network[0].weight.copy_(solution[:3].T)
        network[0].bias.copy_(solution[3])
    save(tmp_path, network, (x, y))
    mlp = {"family": "mlp", "activation": "relu"}
    report, _ = analysed(tmp_path, Parameters(architecture=mlp, loss="mse", weight_decay=0.0))
    assert [failure.stage for failure in report.failures] == ["boundary", "margins"]
    assert all("no decision boundary" in failure.sentence for failure in report.failures)
    assert report.gap is not None
    assert report.spectrum is not None


def test_one_feature_has_no_plane_and_everything_else(tmp_path: Path) -> None:
    x = torch.linspace(-1, 1, 20)[:, None]
    network = nn.Sequential(nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[-2.0], [2.0]]))
        network[0].bias.zero_()
    save(tmp_path, network, (x, (x[:, 0] > 0).long()))
    mlp = {"family": "mlp", "activation": "relu"}
    stages = ["spectrum", "boundary", "margins"]
    report, kept = analysed(tmp_path, Parameters(architecture=mlp, stages=stages))
    assert report.failures == []
    assert report.boundary.plane.startswith("None")
    assert "slice_x" not in kept.arrays
    # The boundary is x = 0.
    assert np.abs(kept.arrays["margins"] - np.abs(x[:, 0].numpy())).max() < 1e-6
