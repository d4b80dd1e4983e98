"""Where parameters lie in θ, and what is recorded of layers."""

from __future__ import annotations

import ast
from pathlib import Path

import torch
from torch import nn

import minimascope
from minimascope.curvature.gap.kfac import kronecker_blocks
from minimascope.curvature.layers.jacobian import closed_form_applies
from minimascope.curvature.layers.recorder import recorded
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.places import layer_indices, split
from minimascope.curvature.products.hessian import hessian


def network(activation: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), activation, nn.Linear(5, 3))


def minimum(activation: nn.Module) -> Minimum:
    made = network(activation)
    return prepare(made, torch.randn(9, 4), torch.arange(9) % 3)


def test_every_parameter_is_found_in_theta_at_its_place() -> None:
    found = minimum(nn.ReLU())
    found.network[0].bias.requires_grad_(False)
    theta, parts = found.theta, split(found.theta, found.places)
    assert list(parts) == found.names == ["0.weight", "2.weight", "2.bias"]
    for name, place in found.places.items():
        own = found.network.get_parameter(name)
        assert torch.equal(theta[place.slice], own.flatten())
        assert torch.equal(place.of(theta[None])[0], own)
        assert torch.equal(parts[name], own)
    assert place.stop == found.dim
    indices = layer_indices(found.places)
    assert torch.equal(torch.cat(list(indices.values())), torch.arange(found.dim))
    assert indices["2"].tolist() == list(range(20, 38))


def test_rows_are_split_like_theta() -> None:
    found = minimum(nn.ReLU())
    rows = torch.randn(6, found.dim, dtype=torch.float64)
    parts = split(rows, found.places)
    assert parts["2.weight"].shape == (6, 3, 5)
    assert torch.equal(torch.cat([part.flatten(1) for part in parts.values()], dim=1), rows)


class Tempered(nn.Module):
    """A parameter without dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.temperature = nn.Linear(4, 3), nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x) / self.temperature


def test_a_single_number_has_its_place() -> None:
    torch.manual_seed(0)
    found = prepare(Tempered(), torch.randn(5, 4), torch.arange(5) % 3)
    place = found.places["temperature"]
    assert place.size == 1
    assert place.of(found.theta[None]).shape == (1,)
    assert split(found.theta, found.places)["temperature"].shape == ()
    assert hessian(found).matvec(found.theta).isfinite().all()


def test_an_operation_in_place_does_not_change_what_was_recorded() -> None:
    plain, in_place = (minimum(nn.ReLU(inplace=flag)) for flag in (False, True))
    outputs = []
    for each in (plain, in_place):
        with recorded([each.network[0]]) as calls, torch.no_grad():
            each.network(each.inputs)
        outputs.append(calls[0].output)
    assert torch.equal(*outputs)
    assert bool((outputs[0] < 0).any())


def test_closed_forms_and_kronecker_factors_hold_for_operations_in_place() -> None:
    plain, in_place = (minimum(nn.ReLU(inplace=flag)) for flag in (False, True))
    assert closed_form_applies(in_place, in_place.inputs)
    pairs = zip(*(blocks(each) for each in (plain, in_place)), strict=True)
    # Sums round with the alignment of their memory.
    assert all(torch.allclose(*pair, rtol=1e-12, atol=1e-15) for pair in pairs)


def blocks(given: Minimum) -> list[torch.Tensor]:
    likelihood = likelihood_of(given, given.inputs, given.targets)
    return [block.eigenvalues for block in kronecker_blocks(given, likelihood)]


def test_hooks_stand_in_one_file() -> None:
    root = Path(minimascope.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "register_forward_hook"
    }
    assert found == {"curvature/layers/recorder.py"}
