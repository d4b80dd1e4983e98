"""Certified radii against exact distances, random points and boxes; never above a crossing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.cover import covered_radii
from minimascope.boundary.certificates.radii import (
    Budget,
    Points,
    certified_radii,
    radii_at_least,
)
from minimascope.boundary.certificates.recognition import graph_of
from minimascope.boundary.classification import class_of
from minimascope.boundary.margins import closest_crossings
from minimascope.curvature.minimum.minimum import Minimum, prepare
from tests.cases.bounded_networks import NAMES, bounded_minimum, points_within
from tests.cases.reference_networks import boundary_minimum

NORMS = ["l2", "linf"]


def points_of(minimum: Minimum) -> Points:
    with torch.no_grad():
        return Points(minimum.inputs, class_of(minimum.network(minimum.inputs)))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", NAMES)
def test_no_point_of_a_certified_ball_is_of_another_class(name: str, norm: NormName) -> None:
    minimum = bounded_minimum(name, n=20)
    points, most = points_of(minimum), torch.full((20,), 3.0, dtype=torch.float64)
    radii = certified_radii(graph_of(minimum), points, most, norm)
    assert (radii > 0).any()
    within = points_within(minimum.inputs, radii, norm, draws=200)
    with torch.no_grad():
        found = class_of(minimum.network(within.flatten(0, 1))).view(200, -1)
    assert (found == points.own).all()


@pytest.mark.parametrize("norm", NORMS)
def test_the_margin_of_a_linear_network_is_found_to_what_bisection_leaves(norm: NormName) -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    minimum = prepare(network, torch.randn(30, 3), torch.zeros(30, dtype=torch.long))
    slope = (network.weight[0] - network.weight[1]).detach()
    lead = (minimum.network(minimum.inputs)[:, 0] - minimum.network(minimum.inputs)[:, 1]).detach()
    exact = lead.abs() / (slope.norm() if norm == "l2" else slope.abs().sum())
    found = certified_radii(graph_of(minimum), points_of(minimum), exact, norm)
    # 10 rounds over a factor 1000: 1000^(−2^−10) = 0.9933.
    assert (found <= exact).all()
    assert (found / exact).min() > 0.993


@pytest.mark.parametrize("norm", NORMS)
def test_the_smallest_margin_is_bracketed_by_boxes_and_by_the_quick_pass(norm: NormName) -> None:
    """The oracle is the cut plane: what it proves does not depend on bisection or search."""
    minimum = boundary_minimum("circle-normal").minimum
    graph, points = graph_of(minimum), points_of(minimum)
    upper = closest_crossings(minimum, norm=norm).values
    nearest = upper.argsort()[:12]
    some = points.some(nearest)
    boxes, spent = covered_radii(graph, some, upper[nearest], norm, most=6000)
    assert spent <= 6000
    assert (boxes <= upper[nearest]).all()
    assert (boxes / upper[nearest]).min() > 0.98  # both ends were found, apart from one another
    quick = radii_at_least(graph, points, float(upper.min()), norm, budget=Budget(10**5, 10**5))
    radii = certified_radii(graph, some, upper[nearest], norm)
    # Neither may prove more than the other end of the boxes allows.
    assert (radii <= upper[nearest]).all()
    assert quick.max() <= upper.min()
    assert quick.min() > 0.9 * upper.min()
    assert quick.min() <= upper.min()


def test_a_spent_budget_proves_less_and_says_nothing_false() -> None:
    minimum = boundary_minimum("circle-normal").minimum
    graph, points = graph_of(minimum), points_of(minimum)
    upper = closest_crossings(minimum).values
    whole = radii_at_least(graph, points, float(upper.min()), "l2", budget=Budget(10**5, 10**5))
    n = len(upper)
    for budget in (Budget(0, 0), Budget(n, 0), Budget(n, 3), Budget(3 * n, 5), Budget(n // 2, n)):
        found = radii_at_least(graph, points, float(upper.min()), "l2", budget=budget)
        assert (found <= upper).all()
        assert found.min() <= whole.min()
        assert budget.stepwise >= 0
        assert budget.relaxed >= 0
    nothing = radii_at_least(graph, points, float(upper.min()), "l2", budget=Budget(0, 0))
    assert (nothing == 0).all()


def test_intervals_of_the_line_are_cut_to_a_percent() -> None:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.no_grad():
        network[0].weight.mul_(4)
    minimum = prepare(network, torch.linspace(-2, 2, 9)[:, None], torch.zeros(9, dtype=torch.long))
    points = points_of(minimum)
    grid = torch.linspace(-6, 6, 200_001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        classes = class_of(minimum.network(grid))
    assert len(classes.unique()) == 2
    apart = (minimum.inputs - grid.T).abs()
    exact = apart.masked_fill(classes == points.own[:, None], torch.inf).amin(1)
    found, _ = covered_radii(graph_of(minimum), points, exact * 1.3, "l2")
    assert (found <= exact).all()
    assert (found / exact).min() > 0.985  # 1% and half a step of the grid


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(NAMES),
    norm=st.sampled_from(NORMS),
    scale=st.sampled_from([0.3, 1.0, 4.0]),
)
def test_no_lower_bound_exceeds_a_crossing(
    seed: int, name: str, norm: NormName, scale: float
) -> None:
    minimum = bounded_minimum(name, n=4, seed=seed)
    with torch.no_grad():
        for parameter in minimum.network.parameters():
            parameter.mul_(scale)
    upper = closest_crossings(minimum, norm=norm).values
    reached = upper.isfinite()
    if not bool(reached.any()):
        return
    points = points_of(minimum).some(reached.nonzero()[:, 0])
    # Tried far beyond the crossing: what is proved must stay below it by itself.
    found = certified_radii(graph_of(minimum), points, 50 * upper[reached], norm)
    assert (found <= upper[reached] * (1 + 1e-9)).all()
