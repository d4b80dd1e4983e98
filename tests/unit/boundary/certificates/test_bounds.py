"""No input of a region has less lead than its bound says, whatever the layers, norm and radius."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.bounds import Bounds, Inner
from minimascope.boundary.certificates.recognition import graph_of
from minimascope.boundary.certificates.region import Region
from minimascope.boundary.classification import class_logits, class_of
from minimascope.curvature.minimum.minimum import prepare
from tests.cases.bounded_networks import NAMES, bounded_minimum, points_within

RADII = (1e-9, 1e-3, 0.1, 1.0, 30.0)


@pytest.mark.parametrize("inner", ["relaxed", "stepwise"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", NAMES)
def test_no_sampled_lead_is_below_its_bound(name: str, norm: NormName, inner: Inner) -> None:
    minimum = bounded_minimum(name)
    graph, x = graph_of(minimum), minimum.inputs
    with torch.no_grad():
        own = class_of(minimum.network(x))
    for radius in RADII:
        radii = torch.full((len(x),), radius, dtype=torch.float64)
        bound = Bounds(graph, Region.ball(x, radii, norm), inner=inner).leads(own)
        points = points_within(x, radii, norm, draws=60)
        with torch.no_grad():
            logits = class_logits(minimum.network(points.flatten(0, 1))).view(60, len(x), -1)
        mine = logits.gather(2, own.expand(60, -1)[..., None])
        least = (mine - logits).amin(0).scatter(1, own[:, None], torch.inf)
        assert (bound <= least).all()
        if radius == 1e-9:  # a point, to rounding
            rest = torch.ones_like(bound).scatter(1, own[:, None], 0) > 0
            assert (least - bound)[rest].max() < 1e-6


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_linear_network_is_bounded_exactly(norm: NormName) -> None:
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)), torch.randn(7, 4)
    minimum = prepare(network, x, torch.zeros(7, dtype=torch.long))
    own = class_of(minimum.network(minimum.inputs).detach())
    radii = torch.linspace(0.1, 2, 7).double()
    found = Bounds(graph_of(minimum), Region.ball(minimum.inputs, radii, norm)).leads(own)
    weight = network[1].weight @ network[0].weight
    logits = minimum.network(minimum.inputs).detach()
    for i in range(7):
        for j in range(3):
            if j == own[i]:
                assert found[i, j] == torch.inf
                continue
            slope = (weight[own[i]] - weight[j]).detach()
            fall = slope.norm() if norm == "l2" else slope.abs().sum()
            exact = float(logits[i, own[i]] - logits[i, j] - radii[i] * fall)
            assert float(found[i, j]) == pytest.approx(exact, rel=1e-9, abs=1e-9)
            assert found[i, j] <= exact
