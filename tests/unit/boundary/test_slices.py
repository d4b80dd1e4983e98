"""Slices of the input space and embeddings."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from minimascope.boundary import planes, slices
from minimascope.boundary.alignment import Alignment, align
from minimascope.boundary.planes import (
    Frame,
    Plane,
    embedding,
    grid_inputs,
    plane_through,
    principal_plane,
)
from minimascope.boundary.slices import input_plane, plane_slice
from tests.cases.boundary_networks import linear_minimum, small_cnn, top_vectors, unit_rows
from tests.cases.reference_networks import boundary_minimum


def test_fields_of_the_input_plane_are_the_network_at_its_grid_points() -> None:
    minimum = boundary_minimum("gauss-normal").minimum
    vectors = top_vectors("gauss-normal")[:2]
    plane = input_plane(minimum, vectors, frame=Frame(23))
    row, column = 17, 4
    point = torch.stack([plane.x[column], plane.y[row]])[None]
    with torch.no_grad():
        logits = minimum.network(point)[0]
    assert plane.classes[row, column] == logits.argmax()
    first, second = logits.sort(descending=True).values[:2]
    assert float(plane.logit_gap[row, column]) == pytest.approx(float(first - second), rel=1e-12)
    aligned = align(minimum, vectors, point).values[:, 0]
    assert torch.allclose(plane.alignment[:, row, column], aligned, atol=1e-12)


def test_the_default_range_is_15_percent_wider_than_the_data() -> None:
    minimum = boundary_minimum("circle-normal").minimum
    plane = input_plane(minimum, top_vectors("circle-normal")[:1], frame=Frame(5))
    low, high = minimum.inputs.amin(dim=0), minimum.inputs.amax(dim=0)
    assert float(plane.x[0]) == pytest.approx(float(low[0] - 0.15 * (high[0] - low[0])))
    assert float(plane.y[-1]) == pytest.approx(float(high[1] + 0.15 * (high[1] - low[1])))


def test_class_fields_are_positive_exactly_in_their_class() -> None:
    minimum = boundary_minimum("gauss-random_label").minimum
    plane = input_plane(minimum, top_vectors("gauss-random_label")[:1], frame=Frame(40))
    assert torch.equal(plane.class_fields.argmax(dim=0), plane.classes)
    assert ((plane.class_fields > 0).sum(dim=0) == 1).all()
    # The positive field is the logit gap itself, in float32.
    gap = plane.class_fields.amax(dim=0).double()
    assert torch.allclose(gap, plane.logit_gap, rtol=1e-6)


def test_zero_line_of_a_linear_boundary_is_exact_under_interpolation() -> None:
    # Two classes, f₁ − f₀ = 2(x − 0.3): the zero of the field along any row is x = 0.3.
    inputs = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    minimum = linear_minimum(torch.tensor([[-1.0, 0], [1, 0]]), torch.tensor([0.3, -0.3]), inputs)
    plane = input_plane(minimum, unit_rows(1, 6), frame=Frame(8))
    field = plane.class_fields[1, 3].double()
    edge = int((field > 0).int().argmax())
    share = field[edge - 1] / (field[edge - 1] - field[edge])
    zero = plane.x[edge - 1] + share * (plane.x[edge] - plane.x[edge - 1])
    assert float(zero) == pytest.approx(0.3, abs=1e-6)


def test_a_plane_through_three_images_contains_them() -> None:
    minimum = small_cnn()
    chosen = minimum.inputs[[2, 5, 11]]
    plane = plane_slice(minimum, unit_rows(2, minimum.dim), plane_through(chosen), frame=Frame(6))
    assert plane.offset[[2, 5, 11]].max() < 1e-12
    assert plane.offset.max() > 1
    rebuilt = plane.origin + torch.einsum("na,axyz->nxyz", plane.training, plane.axes)
    assert torch.allclose(rebuilt[[2, 5, 11]], chosen, atol=1e-12)
    assert plane.alignment.shape == (2, 6, 6)
    assert plane.class_fields.shape == (4, 6, 6)


def test_a_plane_through_large_inputs_is_computed_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All inputs of a 200 × 200 grid of images of 3 × 224 × 224 would be 48 GB."""
    minimum, vectors = small_cnn(), unit_rows(2, small_cnn().dim)
    plane = (minimum, vectors, principal_plane(minimum.inputs))
    whole = plane_slice(*plane, frame=Frame(9))
    held: list[int] = []
    reported: list[float] = []

    def watched(*given: Any, **options: Any) -> Alignment:
        held.append(given[2].numel())
        return align(*given, **options)

    numbers = 7 * minimum.inputs[0].numel()
    monkeypatch.setattr(planes, "GRID_NUMBERS", numbers)
    monkeypatch.setattr(slices, "GRID_NUMBERS", numbers)
    monkeypatch.setattr(slices, "align", watched)
    parts = plane_slice(*plane, frame=Frame(9), progress=reported.append)
    assert max(held) == numbers
    assert sum(held) == 81 * minimum.inputs[0].numel()
    for field in ("classes", "logit_gap", "class_fields", "alignment", "training", "offset"):
        assert torch.allclose(getattr(parts, field), getattr(whole, field), atol=1e-12), field
    assert reported == sorted(reported)
    assert reported[-1] == pytest.approx(1)


def test_coordinates_on_a_plane_are_distances_in_input_units() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    plane = plane_slice(
        minimum, top_vectors("iris-normal")[:1], principal_plane(minimum.inputs), frame=Frame(4)
    )
    points = grid_inputs(plane.origin, plane.axes, plane.x, plane.y)
    step = float(plane.x[1] - plane.x[0])
    assert float((points[1] - points[0]).norm()) == pytest.approx(step, rel=1e-12)
    assert float((points[4] - points[0]).norm()) == pytest.approx(float(plane.y[1] - plane.y[0]))


def test_embedding_keeps_the_two_largest_variances() -> None:
    inputs = boundary_minimum("iris-normal").minimum.inputs
    variances = torch.linalg.eigvalsh(torch.cov(inputs.T)).flip(0)
    assert torch.allclose(embedding(inputs).var(dim=0), variances[:2], rtol=1e-10)
    assert embedding(small_cnn().inputs).shape == (24, 2)


def test_planes_that_do_not_exist_are_refused() -> None:
    minimum, vectors = boundary_minimum("iris-normal").minimum, top_vectors("iris-normal")
    x = minimum.inputs
    with pytest.raises(ValueError, match="2 features"):
        input_plane(minimum, vectors)
    with pytest.raises(ValueError, match="do not span a plane"):
        plane_slice(minimum, vectors, Plane(x[0], x[1] - x[0], 2 * (x[1] - x[0])))
    with pytest.raises(ValueError, match="inputs' shape"):
        plane_slice(minimum, vectors, Plane(x[0, :2], x[1], x[2]))
    with pytest.raises(ValueError, match="three inputs"):
        plane_through(x[:2])
    with pytest.raises(ValueError, match="no 2 principal components"):
        embedding(torch.ones(9, 1))
    with pytest.raises(ValueError, match="at least 2"):
        plane_slice(minimum, vectors, plane_through(x[:3]), frame=Frame(1))


@pytest.mark.parametrize("shape", [(300, 40), (40, 300)])
def test_principal_axes_of_large_data_are_those_of_small(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(*shape, generator=generator, dtype=torch.float64)
    data *= torch.logspace(0, -5, shape[1], dtype=torch.float64)
    exact = planes.principal_axes(data, 5)
    monkeypatch.setattr(planes, "SMALL", 0)
    from_gram = planes.principal_axes(data, 5)
    assert torch.allclose(from_gram, exact, atol=1e-9)
