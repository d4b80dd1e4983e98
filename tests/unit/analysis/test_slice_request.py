"""Planes on demand, answered from vectors already computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from minimascope.analysis.questions.plane import slice_on_demand
from minimascope.analysis.session.assembly import Opened
from minimascope.boundary.alignment import align
from minimascope.contract.arrays import ARRAYS
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.slices import SliceRequest
from tests.cases.analyses import opened
from tests.cases.boundary_networks import small_cnn, top_vectors, unit_rows
from tests.cases.reference_networks import boundary_minimum


@pytest.fixture(scope="module")
def iris() -> tuple[Opened, Tensor]:
    return opened(boundary_minimum("iris-normal").minimum), top_vectors("iris-normal")[:3]


def test_a_plane_through_three_points_passes_through_them(iris: tuple[Opened, Tensor]) -> None:
    request = SliceRequest(plane="points", points=(3, 60, 110), resolution=15)
    arrays = slice_on_demand(*iris, request)
    assert set(arrays) <= set(ARRAYS)
    assert arrays["slice_class"].shape == (15, 15)
    assert np.abs(arrays["slice_offset"][[3, 60, 110]]).max() < 1e-6
    assert np.allclose(arrays["slice_points"][[3, 60, 110]], arrays["slice_corners"], atol=1e-6)


def test_the_extreme_plane_holds_extremal_points_and_a_boundary_input(
    iris: tuple[Opened, Tensor],
) -> None:
    minimum, vectors = iris[0].minimum, iris[1]
    request = SliceRequest(plane="extremes", vector=2, resolution=40)
    arrays = slice_on_demand(*iris, request)
    alignment = align(minimum, vectors[1:2], minimum.inputs).values[0]
    corners, points = arrays["slice_corners"], arrays["slice_points"]
    for corner, row in zip(corners, (alignment.argmax(), alignment.argmin()), strict=False):
        assert np.allclose(corner, points[int(row)], atol=1e-6)
    # x_b lies on the boundary: a drawn line passes within a cell of it, if it is in the range.
    cell = arrays["slice_x"][1] - arrays["slice_x"][0] + arrays["slice_y"][1] - arrays["slice_y"][0]
    assert arrays["slice_x"][0] < corners[2, 0] < arrays["slice_x"][-1]
    lines = arrays["slice_boundary"]
    assert np.nanmin(np.linalg.norm(lines - corners[2], axis=1)) < cell


def test_principal_planes_of_any_two_components_keep_their_bounds(
    iris: tuple[Opened, Tensor],
) -> None:
    request = SliceRequest(
        plane="principal", components=(3, 1), resolution=9, bounds=(-1.0, 2.0, -4.0, 4.0)
    )
    arrays = slice_on_demand(*iris, request)
    assert arrays["slice_x"][[0, -1]].tolist() == [-1, 2]
    assert arrays["slice_y"][[0, -1]].tolist() == [-4, 4]
    points = torch.tensor(arrays["slice_points"]).double()
    variances = torch.linalg.eigvalsh(torch.cov(iris[0].minimum.inputs.T)).flip(0)
    assert torch.allclose(points.var(dim=0), variances[[2, 0]], rtol=1e-5)


def test_images_have_planes_too() -> None:
    minimum = small_cnn()
    vectors = unit_rows(2, minimum.dim)
    request = SliceRequest(plane="points", points=(0, 1, 2), resolution=6)
    arrays = slice_on_demand(opened(minimum), vectors, request)
    assert arrays["slice_alignment"].shape == (2, 6, 6)


def test_the_input_plane_can_be_asked_for_closer() -> None:
    minimum = boundary_minimum("gauss-normal").minimum
    request = SliceRequest(plane="input", resolution=10, bounds=(0.0, 0.1, 0.0, 0.1))
    arrays = slice_on_demand(opened(minimum), top_vectors("gauss-normal")[:1], request)
    assert arrays["slice_x"][-1] == pytest.approx(0.1)
    assert "slice_corners" not in arrays


def test_planes_that_do_not_exist_are_refused_in_words(iris: tuple[Opened, Tensor]) -> None:
    wrong = {
        "no training row 400": SliceRequest(plane="points", points=(0, 1, 400)),
        "no eigenvector 9": SliceRequest(plane="extremes", vector=9),
        "no 7 principal": SliceRequest(plane="principal", components=(1, 7)),
        "2 features": SliceRequest(plane="input"),
    }
    for words, request in wrong.items():
        with pytest.raises(ProblemError, match=words) as caught:
            slice_on_demand(*iris, request)
        assert caught.value.code == "no_such_slice"


@pytest.mark.parametrize(
    "asked",
    [
        {"plane": "points"},
        {"plane": "points", "points": (1, 1, 2)},
        {"plane": "points", "points": (-1, 1, 2)},
        {"plane": "principal", "components": (2, 2)},
        {"plane": "input", "bounds": (1.0, 0.0, 0.0, 1.0)},
        {"plane": "input", "bounds": (0.0, float("inf"), 0.0, 1.0)},
        {"plane": "input", "resolution": 401},
        {"plane": "sphere"},
    ],
)
def test_requests_without_meaning_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SliceRequest.model_validate(asked)
