"""Closest crossings against exact geometry and the reference grids."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from minimascope.boundary.margins import ClosestCrossings, closest_crossings
from minimascope.curvature.minimum.minimum import Minimum, prepare
from tests.cases.boundary_networks import (
    FOLDER,
    linear_minimum,
    reference_array,
    regression_minimum,
    small_cnn,
)
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def refined_minimum(name: str) -> float:
    return float(json.loads((FOLDER / name / "post.json").read_text())["combined_min"])


def assert_verified(minimum: Minimum, margins: ClosestCrossings) -> None:
    """Every end has another class, and x's class returns a millionth of the way before it."""
    inputs = minimum.inputs
    with torch.no_grad():
        own = minimum.network(inputs).argmax(dim=1)
        beyond = minimum.network(margins.ends).argmax(dim=1)
        before = minimum.network(inputs + (1 - 1e-6) * (margins.ends - inputs)).argmax(dim=1)
    assert (beyond != own).all()
    assert (before == own).all()
    assert torch.equal(beyond, margins.beyond)


@pytest.mark.parametrize("name", BOUNDARY)
def test_smallest_margin_is_within_5_percent_of_the_refined_reference(name: str) -> None:
    minimum = boundary_minimum(name).minimum
    margins = closest_crossings(minimum)
    assert margins.unreached == 0
    assert float(margins.values.min()) == pytest.approx(refined_minimum(name), rel=0.05)
    assert_verified(minimum, margins)


@pytest.mark.parametrize("name", [name for name in BOUNDARY if name != "iris-normal"])
def test_no_margin_exceeds_the_grid_search(name: str) -> None:
    # true_margins are distances to points of a 601×601 grid of another class: themselves upper
    # bounds, coarse by one cell. Ours may be smaller, and larger only by rounding.
    margins = closest_crossings(boundary_minimum(name).minimum)
    assert (margins.values / reference_array(name, "true_margins.npy")).max() < 1.02


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_margins_of_a_linear_classifier_are_exact(norm: str) -> None:
    # The distance to {x : w·x = −h} is |w·x + h| over the dual norm of w.
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(3, 6, generator=generator), torch.randn(3, generator=generator)
    inputs = torch.randn(40, 6, generator=generator)
    minimum = linear_minimum(weight, bias, inputs)
    weight, bias = weight.double(), bias.double()
    logits = minimum.inputs @ weight.T + bias
    own = logits.argmax(dim=1)
    gaps = logits.gather(1, own[:, None]) - logits
    slopes = weight[own][:, None] - weight[None]
    dual = slopes.norm(dim=2) if norm == "l2" else slopes.abs().sum(dim=2)
    exact = torch.where(dual > 0, gaps / dual, torch.inf).amin(dim=1)
    margins = closest_crossings(minimum, norm=norm)
    # A point of two nearly equal classes can cross into a third first: never below exact.
    assert (margins.values >= exact * (1 - 1e-9)).all()
    assert (margins.values <= exact * (1 + 1e-4)).all()


def test_the_linf_margin_is_at_most_the_l2_margin() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    flat, round_ = closest_crossings(minimum, norm="linf"), closest_crossings(minimum)
    # ‖δ‖∞ ≤ ‖δ‖₂, and both searches are upper bounds of good quality: 2% for the search.
    assert (flat.values <= 1.02 * round_.values).all()
    assert_verified(minimum, flat)


def test_images_get_margins_of_their_own_shape() -> None:
    minimum = small_cnn()
    heard = list[float]()
    margins = closest_crossings(minimum, chunk=10, progress=heard.append)
    assert margins.ends.shape == minimum.inputs.shape
    assert margins.unreached == 0
    assert_verified(minimum, margins)
    assert heard == pytest.approx([10 / 24, 20 / 24, 1])
    measured = (margins.ends - minimum.inputs).flatten(1).norm(dim=1)
    assert torch.allclose(margins.values, measured, rtol=1e-12)


def test_float32_margins_equal_float64_margins() -> None:
    minimum = boundary_minimum("gauss-random_label").minimum
    state = {name: value.clone() for name, value in minimum.network.state_dict().items()}
    network = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU())
    network.append(nn.Linear(100, 3)).load_state_dict(state)
    single = prepare(network, minimum.inputs, minimum.targets, dtype=torch.float32)
    found, expected = closest_crossings(single), closest_crossings(minimum)
    assert found.unreached == 0
    assert (found.beyond != found.classes).all()
    # Logits of size 50 are rounded to 1e-5 and the smallest margin, 0.012, has slopes above 10.
    assert float(found.values.min()) == pytest.approx(float(expected.values.min()), rel=1e-3)
    # Different roundings lead the search of a point to different local minima now and then.
    ratio = found.values.double() / expected.values
    assert float(ratio.quantile(0.95)) < 1.02


def test_the_smallest_margins_of_classes_are_those_of_the_reference() -> None:
    minimum, _, _, reference = boundary_minimum("gauss-normal")
    margins = closest_crossings(minimum)
    for label, expected in reference["true_margin_min_per_class"].items():
        own = margins.values[margins.classes == int(label)]
        assert float(own.min()) == pytest.approx(expected, rel=0.05)


def test_chosen_inputs_only() -> None:
    minimum = boundary_minimum("gauss-normal").minimum
    margins = closest_crossings(minimum, inputs=minimum.inputs[[149, 3]])
    assert margins.argmin == 0  # reference: the smallest margin is that of point 149
    assert margins.values.shape == (2,)


def test_a_network_of_one_class_reaches_no_boundary() -> None:
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.copy_(torch.tensor([1.0, 0.0]))
    minimum = prepare(network, torch.randn(5, 2), torch.zeros(5, dtype=torch.int64))
    margins = closest_crossings(minimum)
    assert margins.unreached == 5
    assert margins.values.isnan().all()
    assert margins.argmin is None


def test_margins_repeat_with_their_seed() -> None:
    minimum = boundary_minimum("circle-normal").minimum
    first, second = closest_crossings(minimum, seed=2), closest_crossings(minimum, seed=2)
    assert torch.equal(first.values, second.values)


def test_what_has_no_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="no decision boundary"):
        closest_crossings(regression_minimum())
    minimum = boundary_minimum("iris-normal").minimum
    with pytest.raises(ValueError, match="Unknown norm 'l1'"):
        closest_crossings(minimum, norm="l1")
    with pytest.raises(ValueError, match=r"torch\.int64"):
        closest_crossings(minimum, inputs=torch.zeros(3, 4, dtype=torch.int64))
