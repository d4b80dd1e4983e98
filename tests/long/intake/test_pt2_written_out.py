"""Layers that programs perform in our own words: recurrent ones and weight normalisation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from minimascope import export
from minimascope.contract.problems import ProblemError
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.pt2.operators import resolve
from minimascope.intake.values.checkpoint import read_checkpoint

pytestmark = [  # torch.export.save uses torch's own deprecated parts
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
]
TIMES, FEATURES = 5, 4
Recurrent = nn.LSTM | nn.GRU | nn.RNN


class Sequence(nn.Module):
    """A recurrent layer, its last state of the last layer, and a linear one."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self.layer = layer
        with torch.no_grad():
            width = layer(torch.zeros(1, TIMES, FEATURES))[0].shape[-1]
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen, last = self.layer(x)
        hidden = last[0] if isinstance(last, tuple) else last
        return self.head(seen.mean(1)) + hidden[-1].sum(-1, keepdim=True)


LAYERS: dict[str, Callable[[], Recurrent]] = {
    "LSTM": lambda: nn.LSTM(FEATURES, 6, batch_first=True),
    "LSTM, two layers both ways, dropout": lambda: nn.LSTM(
        FEATURES, 3, 2, batch_first=True, bidirectional=True, dropout=0.3
    ),
    "LSTM, projected, no biases": lambda: nn.LSTM(
        FEATURES, 6, batch_first=True, proj_size=2, bias=False
    ),
    "LSTM, projected": lambda: nn.LSTM(FEATURES, 6, batch_first=True, proj_size=2),
    "GRU, two layers both ways": lambda: nn.GRU(
        FEATURES, 3, 2, batch_first=True, bidirectional=True
    ),
    "GRU, no biases": lambda: nn.GRU(FEATURES, 5, batch_first=True, bias=False),
    "RNN": lambda: nn.RNN(FEATURES, 5, batch_first=True),
    "RNN, ReLU": lambda: nn.RNN(FEATURES, 5, 2, batch_first=True, nonlinearity="relu"),
}


def rebuilt(network: nn.Module, inputs: Tensor, folder: Path, workdir: Path) -> nn.Module:
    path = export(network.eval(), inputs[:3], folder / "model.pt2")
    return build_network(read_checkpoint(path, workdir=workdir), None)


def compare(network: nn.Module, built: nn.Module, inputs: Tensor) -> None:
    """Outputs and gradients equal those of torch, H v a difference of its gradients."""
    assert (built(inputs) - network(inputs)).abs().max() < 1e-12
    theta = {name: q.detach() for name, q in built.named_parameters()}
    assert list(theta) == [name for name, _ in network.named_parameters()]

    def slope(of: nn.Module) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
        return grad(lambda values: functional_call(of, values, (inputs,)).logsumexp(1).mean())

    ours, theirs = slope(built)(theta), slope(network)(theta)
    assert max((ours[n] - theirs[n]).abs().max() for n in theta) < 1e-12
    direction = {n: torch.randn_like(q) for n, q in theta.items()}
    product = jvp(slope(built), (theta,), (direction,))[1]
    step = 1e-5
    up, down = (
        slope(network)({n: q + sign * step * direction[n] for n, q in theta.items()})
        for sign in (1, -1)
    )
    for n in theta:
        assert torch.allclose(product[n], (up[n] - down[n]) / (2 * step), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers(name: str, tmp_path: Path, workdir: Path) -> None:
    torch.manual_seed(0)
    network = Sequence(LAYERS[name]()).double().eval()
    inputs = torch.randn(7, TIMES, FEATURES).double()
    built = rebuilt(network, inputs, tmp_path, workdir)
    compare(network, built, inputs)
    assert len(built(inputs[:1])) == 1


def test_time_may_come_first(tmp_path: Path, workdir: Path) -> None:
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.GRU(FEATURES, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x.transpose(0, 1))[0][-1])

    torch.manual_seed(0)
    network, inputs = TimeFirst().double(), torch.randn(6, TIMES, FEATURES).double()
    compare(network, rebuilt(network, inputs, tmp_path, workdir), inputs)


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_normalisation(dim: int | None, tmp_path: Path, workdir: Path) -> None:
    torch.manual_seed(0)
    first = weight_norm(nn.Linear(FEATURES, 6), dim=dim)
    network = nn.Sequential(first, nn.Tanh(), spectral_norm(nn.Linear(6, 3))).double().eval()
    inputs = torch.randn(7, FEATURES).double()
    compare(network, rebuilt(network, inputs, tmp_path, workdir), inputs)


def test_packed_sequences_are_refused_in_words() -> None:
    with pytest.raises(ProblemError, match="packed sequences") as caught:
        resolve("torch.ops.aten.lstm.data")
    assert caught.value.code == "operator_refused"
