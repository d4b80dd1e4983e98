"""Rescaling a ReLU network: the function stays, the measures move exactly as computed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from minimascope.boundary.alignment import align
from minimascope.boundary.gradients import reinforcing_gradients
from minimascope.boundary.rescaling import find_rescaling, rescaled_measures
from minimascope.curvature.minimum.minimum import Minimum, prepare
from tests.cases.boundary_networks import small_cnn


def network(activation: type[nn.Module]) -> Minimum:
    """Two hidden layers on three features: 75 parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = nn.Sequential(
            *(nn.Linear(3, 5), activation(), nn.Linear(5, 5), activation(), nn.Linear(5, 3))
        )
        inputs = torch.randn(40, 3)
    return prepare(made, inputs, torch.arange(40) % 3)


def dense_hessian(minimum: Minimum) -> Tensor:
    def loss(theta: Tensor) -> Tensor:
        return nn.functional.cross_entropy(minimum.logits(theta, minimum.inputs), minimum.targets)

    return torch.func.hessian(loss)(minimum.theta)


def at(minimum: Minimum, theta: Tensor) -> Minimum:
    """The same network at other parameters."""
    moved = prepare(network(nn.ReLU).network, minimum.inputs, minimum.targets)
    nn.utils.vector_to_parameters(theta, moved.network.parameters())
    return moved


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_measures_are_those_of_the_network_with_its_weights_changed(factor: float) -> None:
    minimum = network(nn.ReLU)
    rescaling = find_rescaling(minimum)
    assert rescaling is not None
    assert (rescaling.layer, rescaling.next_layer) == ("0", "2")
    values, vectors = torch.linalg.eigh(dense_hessian(minimum))
    units = reinforcing_gradients(minimum, minimum.inputs).units
    [found] = rescaled_measures(
        minimum, rescaling, values, vectors.T, units, factors=[factor], epsilon=0.1
    )
    moved = at(minimum, rescaling.apply(minimum.theta, factor))
    before = minimum.logits(minimum.theta, minimum.inputs)
    assert torch.allclose(moved.logits(moved.theta, moved.inputs), before, rtol=1e-12)
    direct, directions = torch.linalg.eigh(dense_hessian(moved))
    # Two eigenproblems of 75 rows whose scaling has condition 81: rounding of 1e-13 relative.
    assert found.lambda_max == pytest.approx(float(direct[-1]), rel=1e-10)
    assert found.trace == pytest.approx(float(direct.sum()), rel=1e-10)
    assert found.parameter_norm == pytest.approx(float(moved.theta.norm()), rel=1e-12)
    # Eigenvectors of zero are not fixed by H: count only those of the others.
    fixed = direct.abs() > 1e-9 * direct[-1]
    aligned = align(moved, directions.T[fixed], moved.inputs).values.abs().amax(1)
    null = int((~fixed).sum())
    count = int((aligned >= 0.1).sum())
    assert count <= found.complexity.count_at_epsilon <= count + null


def test_from_the_range_of_h_alone_it_is_the_same() -> None:
    minimum = network(nn.ReLU)
    rescaling = find_rescaling(minimum)
    assert rescaling is not None
    values, vectors = torch.linalg.eigh(dense_hessian(minimum))
    kept = values.abs() > 1e-12 * values[-1]
    assert 0 < int(kept.sum()) < minimum.dim
    units = reinforcing_gradients(minimum, minimum.inputs).units
    moved = at(minimum, rescaling.apply(minimum.theta, 2.0))
    [found] = rescaled_measures(
        minimum, rescaling, values[kept], vectors.T[kept], units, factors=[2.0], epsilon=0.1
    )
    direct = torch.linalg.eigvalsh(dense_hessian(moved))
    # What is left out was below 1e-12 of the largest, and grows by 16 at the most.
    assert found.lambda_max == pytest.approx(float(direct[-1]), rel=1e-10)
    assert found.trace == pytest.approx(float(direct.sum()), rel=1e-9)


def test_only_a_homogeneous_activation_can_be_rescaled() -> None:
    assert find_rescaling(network(nn.Tanh)) is None
    assert find_rescaling(network(nn.LeakyReLU)) is not None
    only = prepare(nn.Linear(3, 2), torch.randn(5, 3), torch.zeros(5, dtype=torch.int64))
    assert find_rescaling(only) is None


def test_convolutions_are_rescaled_and_normalisation_is_not_passed_by() -> None:
    """The second convolution feeds a BatchNorm, whose own scale can move; the first cannot miss."""
    minimum = small_cnn()
    found = find_rescaling(minimum)
    assert found is not None
    assert (found.layer, found.next_layer) == ("0", "2")
    shifted = replace(minimum, inputs=minimum.inputs[:3])
    theta = found.apply(minimum.theta, 4.0)
    assert torch.allclose(
        shifted.logits(theta, shifted.inputs), shifted.logits(minimum.theta, shifted.inputs)
    )
