"""Walks along eigenvectors."""

from __future__ import annotations

import pytest
import torch

from minimascope.boundary.planes import Frame
from minimascope.boundary.slices import input_plane
from minimascope.boundary.walk import walk
from tests.cases.boundary_networks import (
    linear_minimum,
    regression_minimum,
    small_cnn,
    top_vectors,
    unit_rows,
)
from tests.cases.reference_networks import boundary_minimum


def test_the_curvature_of_a_walk_is_the_eigenvalue() -> None:
    minimum, _, _, reference = boundary_minimum("gauss-normal")
    path = walk(minimum, top_vectors("gauss-normal")[1], points=3, frame=Frame(4))
    # v₂ is stored in float32: relative error of vᵀHv ≤ (λ₁/λ₂)·1e-13.
    assert path.curvature == pytest.approx(reference["top30"][1], rel=1e-6)


def test_the_middle_of_a_walk_is_the_minimum_itself() -> None:
    minimum, _, _, reference = boundary_minimum("circle-normal")
    vector = top_vectors("circle-normal")[0]
    path = walk(minimum, vector, points=5, frame=Frame(12))
    assert float(path.epsilon[2]) == 0
    assert float(path.loss[2]) == pytest.approx(reference["train_loss"], rel=1e-5)
    assert float(path.accuracy[2]) == 1
    plane = input_plane(minimum, vector, frame=Frame(12))
    assert torch.equal(path.classes[2], plane.classes)
    assert torch.allclose(path.class_fields[2], plane.class_fields)
    assert (path.classes[0] != path.classes[-1]).any()


def test_the_loss_rises_by_the_stated_factor_where_it_is_quadratic() -> None:
    # Two nearly equal logits: the loss along ε is ln 2 + E[z²]/8 − E[z⁴]/192 + …, z the change
    # of their difference. For normal z the fourth order is E[z²]/8 = 7% of a rise of 0.07 nats.
    # Equal large biases change nothing but ‖θ‖, the limit of a walk.
    inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    minimum = linear_minimum(0.01 * unit_rows(2, 3), torch.full((2,), 10.0), inputs)
    path = walk(minimum, unit_rows(1, 8)[0], factor=1.1)
    # The mean of both directions cancels the odd orders.
    rise = (path.loss[0] + path.loss[-1]) / 2 - path.loss[len(path.epsilon) // 2]
    assert path.rise == pytest.approx(0.1 * float(path.loss[len(path.epsilon) // 2]))
    assert float(rise) == pytest.approx(path.rise, rel=0.1)


def test_flat_directions_are_walked_as_far_as_the_parameters_reach() -> None:
    # Adding the same number to both biases changes no softmax: zero curvature.
    minimum = linear_minimum(torch.eye(2), torch.zeros(2), torch.eye(2))
    path = walk(minimum, torch.tensor([0.0, 0, 0, 0, 1, 1]), points=3, frame=Frame(3))
    assert path.curvature == pytest.approx(0, abs=1e-15)
    assert float(path.epsilon[-1]) == pytest.approx(2**0.5)
    assert torch.allclose(path.loss, path.loss[0])


def test_images_are_walked_without_a_plane() -> None:
    minimum = small_cnn()
    path = walk(minimum, unit_rows(1, minimum.dim)[0], points=3)
    assert path.classes is None
    assert path.loss.shape == (3,)


def test_walks_without_meaning_are_refused() -> None:
    minimum = boundary_minimum("circle-normal").minimum
    with pytest.raises(ValueError, match="norm 0"):
        walk(minimum, torch.zeros(minimum.dim))
    with pytest.raises(ValueError, match="above 1"):
        walk(minimum, torch.ones(minimum.dim), factor=1.0)
    with pytest.raises(ValueError, match="no decision boundary"):
        walk(regression_minimum(), torch.ones(3))
