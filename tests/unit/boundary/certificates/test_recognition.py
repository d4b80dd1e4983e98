"""What runs is what is bounded: modules, functions, skips, programs; the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from minimascope.boundary.certificates.recognition import UnboundedError, graph_of
from minimascope.boundary.certificates.steps import Added, Maximum
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.intake.exporting import export
from minimascope.intake.networks.program import build_program
from minimascope.intake.pt2.graph import read
from tests.cases.bounded_networks import NAMES, bounded_minimum


def minimum_of(network: nn.Module, *shape: int, dtype: torch.dtype = torch.float64) -> Minimum:
    torch.manual_seed(1)
    return prepare(network, torch.randn(5, *shape), torch.zeros(5, dtype=torch.long), dtype=dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_gives_the_networks_outputs(name: str) -> None:
    minimum = bounded_minimum(name)
    other = torch.randn(9, *minimum.inputs.shape[1:], dtype=torch.float64)
    with torch.no_grad():
        expected = minimum.network(other)
    assert torch.allclose(graph_of(minimum)(other), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["images, gelu", "plane", "skips, one logit"])
def test_the_program_of_a_pt2_is_bounded_as_the_network_it_came_from(
    name: str, tmp_path: Path
) -> None:
    minimum = bounded_minimum(name)
    export(minimum.network, minimum.inputs[:2], tmp_path / "model.pt2")
    with (tmp_path / "model.pt2").open("rb") as source:
        tensors, program = read(source)
    rebuilt = prepare(build_program(program, tensors), minimum.inputs, minimum.targets)
    with torch.no_grad():
        expected = minimum.network(minimum.inputs)
    assert torch.allclose(graph_of(rebuilt)(minimum.inputs), expected, rtol=1e-12, atol=1e-12)
    kinds = [type(step) for step in graph_of(minimum).steps if isinstance(step, (Added, Maximum))]
    again = [type(step) for step in graph_of(rebuilt).steps if isinstance(step, (Added, Maximum))]
    assert kinds == again


def test_a_float32_network_is_bounded_in_float64_and_left_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    minimum = minimum_of(network, 3, dtype=torch.float32)
    found = graph_of(minimum)(minimum.inputs.double())
    assert found.dtype == torch.float64
    assert next(minimum.network.parameters()).dtype == torch.float32


class ByBatch(nn.Module):
    """Depends on the other examples of its batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Overwritten(nn.Module):
    """Changes a tensor under a name that it uses afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        first = x * 2
        view = first.view(len(x), -1)
        view.relu_()
        return first


class Branching(nn.Module):
    """Other steps for other inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


class Product(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), "layer_norm"),
        (nn.Sequential(nn.Linear(3, 3), nn.Softmax(1)), "softmax"),
        (nn.Sequential(nn.Linear(3, 3), nn.GELU(approximate="tanh")), "gelu"),
        (ByBatch(), "mean"),
        (Overwritten(), "."),
        (Branching(), "sum"),
        (Product(), "mul"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else value,
)
def test_what_cannot_be_bounded_is_named(network: nn.Module, said: str) -> None:
    network.register_parameter("more", nn.Parameter(torch.zeros(1)))
    with pytest.raises(UnboundedError, match=said):
        graph_of(minimum_of(network, 3))
