"""Alignment against the reference networks, naive twins and exact arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from minimascope.boundary.alignment import align
from minimascope.boundary.gradients import per_example, reinforcing_gradients
from minimascope.boundary.input_search import most_parallel_inputs
from minimascope.boundary.layers import closed_layers, dense_layers
from minimascope.curvature.minimum.minimum import Minimum, prepare
from tests.cases.boundary_networks import (
    linear_minimum,
    reference_array,
    regression_minimum,
    top_vectors,
    unit_rows,
)
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def naive_alignment(minimum: Minimum, vectors: Tensor, inputs: Tensor) -> Tensor:
    """One backward pass per input, label = own class; no closed form, no rescaling."""
    rows = []
    for x in inputs:
        logits = minimum.network(x[None])
        loss = nn.functional.cross_entropy(logits, logits.argmax(dim=1))
        parts = torch.autograd.grad(loss, list(minimum.network.parameters()))
        g = torch.cat([part.flatten() for part in parts])
        rows.append(vectors @ g / g.norm())
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("name", BOUNDARY)
def test_alignments_equal_the_reference_up_to_sign(name: str) -> None:
    minimum = boundary_minimum(name).minimum
    values = align(minimum, top_vectors(name), minimum.inputs).values
    expected = reference_array(name, "overlaps.npy")[:5]
    signs = (values * expected).sum(dim=1, keepdim=True).sign()
    # The stored vectors are float32 (relative error 6e-8), the alignments float64.
    assert (values * signs - expected).abs().max() < 1e-6


def test_closed_form_equals_one_backward_pass_per_input() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    vectors = unit_rows(4, minimum.dim)
    assert dense_layers(minimum) is not None
    values = align(minimum, vectors, minimum.inputs[:30]).values
    # The naive residual P_c − 1 loses up to 1e-16/(1 − P_c) relative: 1e-7 at P_c = 1 − 1e-9.
    assert (values - naive_alignment(minimum, vectors, minimum.inputs[:30])).abs().max() < 1e-7


class Grouped(nn.Module):
    """Two convolutions, the second strided, padded, dilated, in groups or without a bias."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        how: dict[str, dict[str, Any]] = {
            "plain": {"stride": 2, "padding": (1, 0), "dilation": (1, 2)},
            "no bias": {"bias": False},
            "groups": {"groups": 2},
            "reflected": {"padding": 1, "padding_mode": "reflect"},
        }
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, **how[kind])
        self.last = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.second(self.first(x).tanh()).tanh().flatten(1))


def convolving(kind: str) -> Minimum:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, inputs = Grouped(kind), torch.randn(5, 1, 9, 9)
        network(inputs)
        return prepare(network, inputs, torch.arange(5) % 3)


@pytest.mark.parametrize("kind", ["plain", "no bias", "groups", "reflected"])
def test_convolutions_equal_one_backward_pass_per_input(kind: str) -> None:
    minimum = convolving(kind)
    vectors = unit_rows(3, minimum.dim)
    assert dense_layers(minimum) is None
    assert (closed_layers(minimum) is None) == (kind in ("groups", "reflected"))
    values = align(minimum, vectors, minimum.inputs, chunk=2).values
    assert (values - naive_alignment(minimum, vectors, minimum.inputs)).abs().max() < 1e-12
    _, g = per_example(minimum, minimum.theta, minimum.inputs)
    units = reinforcing_gradients(minimum, minimum.inputs).units
    assert torch.allclose(units, g / g.norm(dim=1, keepdim=True), rtol=0, atol=1e-12)


def test_inputs_ascend_to_an_alignment_through_convolutions_too() -> None:
    minimum = convolving("plain")
    vectors, starts = unit_rows(2, minimum.dim), minimum.inputs[:4].reshape(2, 2, 1, 9, 9)
    found, cos2 = most_parallel_inputs(minimum, vectors, starts, steps=5)
    for k in range(2):
        own = naive_alignment(minimum, vectors[k : k + 1], found[k])[0]
        assert (own.square() - cos2[k]).abs().max() < 1e-12


def test_norms_and_unit_gradients_of_both_routes_agree() -> None:
    minimum = boundary_minimum("circle-normal").minimum
    inputs = minimum.inputs[:20]
    aligned = align(minimum, unit_rows(1, minimum.dim), inputs)
    residual, g = per_example(minimum, minimum.theta, inputs)
    norms = g.norm(dim=1) * residual.log_scale.exp()
    assert torch.allclose(aligned.norms, norms, rtol=1e-12, atol=0)
    units = reinforcing_gradients(minimum, inputs).units
    assert torch.allclose(units, g / g.norm(dim=1, keepdim=True), rtol=0, atol=1e-13)


@pytest.mark.parametrize("gap", [1.0, 40.0, 700.0, 5000.0])
def test_tiny_gradients_keep_their_direction(gap: float) -> None:
    # Logits (gap, 0, −ln 3): P₂/P₁ = 1/3 at any gap, so r ∝ (−4/3, 1, 1/3) exactly, although
    # ‖g‖ ~ exp(−gap) is 1e-304 at 700 and no float64 at 5000.
    bias = torch.tensor([gap, 0.0, -(3.0**0.5)])
    bias[2] = -torch.log(torch.tensor(3.0, dtype=torch.float64))
    minimum = linear_minimum(torch.zeros(3, 2), bias, torch.tensor([[2.0, -1.0]]))
    g = torch.outer(torch.tensor([-4 / 3, 1, 1 / 3]), torch.tensor([2.0, -1.0])).double()
    direction = torch.cat([g.flatten(), torch.tensor([-4 / 3, 1, 1 / 3]).double()])
    aligned = align(minimum, direction[None], minimum.inputs)
    # The float32 bias ln 3 is the only rounding: 1e-7 relative, 1e-13 in the cosine.
    assert float(aligned.values[0, 0]) == pytest.approx(1.0, abs=1e-12)
    assert aligned.underflowed == 0
    assert float(aligned.log_norms[0]) == pytest.approx(
        float(torch.log_softmax(bias.double(), 0)[1] + direction.norm().log()), rel=1e-6
    )


def test_inputs_without_a_gradient_are_counted_and_nan() -> None:
    network = nn.Linear(2, 3, bias=False)
    inputs = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    minimum = prepare(network, inputs, torch.tensor([0, 1]))
    aligned = align(minimum, unit_rows(2, 6), minimum.inputs)
    assert aligned.underflowed == 1
    assert aligned.values[:, 0].isnan().all()
    assert aligned.values[:, 1].isfinite().all()


def test_one_logit_f_is_the_two_class_network_with_logits_0_and_f() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        hidden, last = nn.Linear(3, 7), nn.Linear(7, 1)
    inputs, targets = unit_rows(9, 3), torch.arange(9) % 2
    one = prepare(nn.Sequential(hidden, nn.Tanh(), last), inputs, targets, loss="binary")

    class TwoLogits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.last = hidden, last

        def forward(self, x: Tensor) -> Tensor:
            f = self.last(self.hidden(x).tanh())
            return torch.cat([0 * f, f], dim=1)

    two = Minimum(TwoLogits(), one.inputs, one.targets)
    vectors = unit_rows(3, one.dim)
    first, second = align(one, vectors, one.inputs), align(two, vectors, one.inputs)
    assert torch.allclose(first.values, second.values, rtol=0, atol=1e-14)
    assert torch.equal(first.classes, second.classes)


def test_alignment_does_not_depend_on_chunks_or_on_the_length_of_the_vector() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    vectors, heard = unit_rows(2, minimum.dim), list[float]()
    whole = align(minimum, vectors, minimum.inputs).values
    parts = align(minimum, -3 * vectors, minimum.inputs, chunk=50, progress=heard.append).values
    assert (whole + parts).abs().max() < 1e-14
    assert heard == pytest.approx([50 / 120, 100 / 120, 1.0])


def test_a_layer_used_twice_takes_the_general_route() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x).tanh())

    with torch.random.fork_rng():
        torch.manual_seed(0)
        minimum = prepare(Twice(), unit_rows(5, 3), torch.arange(5) % 3)
    vectors = unit_rows(2, minimum.dim)
    assert dense_layers(minimum) is None
    values = align(minimum, vectors, minimum.inputs).values
    assert (values - naive_alignment(minimum, vectors, minimum.inputs)).abs().max() < 1e-13


def test_frozen_parameters_are_no_part_of_the_gradient() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    network[0].weight.requires_grad_(False)
    minimum = prepare(network, unit_rows(6, 2), torch.arange(6) % 3)
    vectors = unit_rows(2, minimum.dim)
    _, g = per_example(minimum, minimum.theta, minimum.inputs)
    expected = vectors @ g.T / g.norm(dim=1)
    assert torch.allclose(align(minimum, vectors, minimum.inputs).values, expected, atol=1e-14)


def test_regression_is_refused() -> None:
    minimum = regression_minimum()
    with pytest.raises(ValueError, match="no decision boundary"):
        align(minimum, torch.ones(1, 3), minimum.inputs)


def test_vectors_of_another_network_are_refused() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    with pytest.raises(ValueError, match="p = 2953"):
        align(minimum, torch.ones(2, 10), minimum.inputs)
