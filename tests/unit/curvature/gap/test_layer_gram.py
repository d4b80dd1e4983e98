"""The Gram matrix layer by layer against J of reverse mode."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.layers.gram import gram, gram_cost, trace_seconds
from minimascope.curvature.layers.jacobian import closed_form_names, jacobian_of
from minimascope.curvature.layers.traces import trace_layers
from minimascope.curvature.minimum.minimum import Minimum, prepare

N, CLASSES = 6, 3


class Tied(nn.Module):
    """A weight that is used a second time outside its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(8, 8), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.first(x.flatten(1)[:, :8])) @ self.first.weight)


def convolutions() -> nn.Module:
    # 64 positions and 54 weights: by rows; 4 positions and 108 weights: by positions.
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
    )


NETWORKS = {
    "convolutions": convolutions,
    "tied": Tied,
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(128, CLASSES, bias=False)),
}


def minimum(name: str) -> Minimum:
    torch.manual_seed(0)
    X = torch.randn(N, 2, 8, 8)
    return prepare(NETWORKS[name](), X, torch.randint(0, CLASSES, (N,)))


@pytest.mark.parametrize("held", [1, 10**8])
@pytest.mark.parametrize("pointwise", [0, 10**9])
@pytest.mark.parametrize("name", NETWORKS)
def test_gram_is_the_product_of_the_jacobian(
    name: str, pointwise: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimascope.curvature.layers.gram.POINTWISE", pointwise)  # 0: by positions
    monkeypatch.setattr("minimascope.curvature.layers.gram.CACHED", held)
    monkeypatch.setattr("minimascope.curvature.layers.gram.HELD", held)
    monkeypatch.setattr("minimascope.curvature.layers.gram.TRACED", held)
    given = minimum(name)
    J = jacobian_of(given, given.inputs, given.names).flatten(0, 1)
    # Sums of a few hundred products in another order.
    assert torch.allclose(gram(given, given.inputs), J @ J.mT, rtol=1e-11, atol=1e-12)


def test_a_weight_used_twice_has_no_closed_form() -> None:
    given = minimum("tied")
    names = closed_form_names(given, given.inputs)
    assert names == {"first.bias", "head.weight", "head.bias"}


def test_the_cost_counts_the_cheaper_way_of_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minimascope.curvature.layers.gram.POINTWISE", 1)
    found = gram_cost(minimum("convolutions"))
    rows = (N * CLASSES) ** 2
    # Conv2d(2, 3) 3·19 weights; Conv2d(3, 4) 4²·5 < 4·28; Linear 4; BatchNorm 6 parameters.
    assert found.operations == 2 * rows * (3 * 19 + 4**2 * 5 + 4 + 6)


@pytest.mark.parametrize("held", [1, 10**8])
def test_every_backward_pass_over_the_data_is_in_the_plan(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minimascope.curvature.layers.gram.HELD", held)
    monkeypatch.setattr("minimascope.curvature.layers.gram.TRACED", held)
    passes = 0

    def counted(*given: object, **more: object) -> object:
        nonlocal passes
        passes += 1
        return trace_layers(*given, **more)  # type: ignore[arg-type]

    def rows(*given: object) -> Tensor:
        nonlocal passes
        passes += 1
        return jacobian_of(*given)  # type: ignore[arg-type]

    found = minimum("convolutions")
    monkeypatch.setattr("minimascope.curvature.layers.gram._timed", lambda _, count: 2.0 + count)
    planned = trace_seconds(found)
    monkeypatch.setattr("minimascope.curvature.layers.gram.trace_layers", counted)
    monkeypatch.setattr("minimascope.curvature.layers.gram.jacobian_of", rows)
    gram(found, found.inputs)
    assert planned == pytest.approx((passes - 1) * (2.0 + N))  # one probe, of one example
    assert trace_seconds(found, once=True) == pytest.approx(2.0 + N)


def test_layers_come_in_the_networks_order_however_they_are_named() -> None:
    """A sum over layers would round by the order of a set, which differs between processes."""
    minimum = prepare(convolutions(), torch.randn(N, 2, 8, 8), torch.zeros(N, dtype=torch.long))
    for wanted in (["7", "0", "4"], ["4", "7", "0"]):
        found = trace_layers(minimum, minimum.inputs, only=wanted)
        assert [trace.layer for trace in found] == ["0", "4", "7"]
