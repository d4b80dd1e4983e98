"""Layers whose kernels lack a derivative: the same outputs, and every stage answers."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import minimascope
from minimascope.training.written_out import written_out

LAYERS = [
    nn.RNN(3, 4, nonlinearity="relu", batch_first=True),
    nn.GRU(3, 4, num_layers=2, bidirectional=True),
    nn.LSTM(3, 4, batch_first=True, proj_size=2),
    nn.LSTM(3, 4, bias=False, bidirectional=True),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # slower in torch: not our matter
@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("shape", [(5, 6, 3), (6, 3)], ids=["batch", "one example"])
def test_recurrent_layers_give_the_same(layer: nn.RNNBase, shape: tuple[int, ...]) -> None:
    own = copy.deepcopy(layer).eval()
    written_out(own)
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    outputs, last = layer.eval()(inputs)
    found, state = own(inputs)
    torch.testing.assert_close(found, outputs)
    torch.testing.assert_close(state, last)
    torch.testing.assert_close(own(inputs, state), layer(inputs, last))


class Recurrent(nn.Module):
    """Takes a sequence and a row of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(2, 3, batch_first=True)
        self.last = nn.Linear(4, 2)

    def forward(self, steps: Tensor, beside: Tensor) -> Tensor:
        hidden = self.layer(steps)[1][-1]
        outputs: Tensor = self.last(torch.cat([hidden, beside], 1))
        return outputs


def asked(model: nn.Module, data: Any, **more: Any) -> Any:
    told = {"progress": False, "top_k": 2, **more}
    return minimascope.analyze(model, data, nn.CrossEntropyLoss(), **told)


def test_a_recurrent_network_of_several_inputs_has_alignments() -> None:
    torch.manual_seed(0)
    data = [(torch.randn(20, 4, 2), torch.randn(20, 1), torch.arange(20) % 2)]
    found = asked(
        Recurrent(), data, forward=lambda m, b: m(b[0], b[1]), stages=["spectrum", "boundary"]
    )
    assert found.failures == []
    assert found.boundary is not None


def old(layer: nn.Linear) -> nn.Module:
    """Weight norm by a hook, which keeps the last weight as an attribute."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.nn.utils.weight_norm(layer)


@pytest.mark.parametrize("normed", [parametrizations.weight_norm, old])
def test_weight_norm_has_every_derivative(normed: Any) -> None:
    torch.manual_seed(0)
    X = torch.randn(30, 2)
    y = (X[:, 0] > 0).long()
    model = nn.Sequential(normed(nn.Linear(2, 3)), nn.Tanh(), nn.Linear(3, 2))
    outputs, kinds = model(X), [type(each) for each in model.modules()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.01)
    found = asked(model, (X, y), optimizer=optimizer, stages=["spectrum", "gap"])
    assert found.failures == []
    assert max(found.spectrum.residuals) < 1e-10  # torch's own is good to 1e-5
    assert [type(each) for each in model.modules()] == kinds
    assert torch.equal(model(X), outputs)
