"""A network that knows no more than the frequencies of its classes is said to be one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from minimascope.analysis.session.guessing import guessing_loss
from minimascope.contract.parameters import Parameters
from minimascope.curvature.minimum.minimum import prepare
from tests.cases.analyses import analysed, save


def test_the_best_constant_is_the_one_that_guessing_takes() -> None:
    inputs, labels = torch.zeros(8, 2), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    constant = nn.Linear(2, 2)
    with torch.no_grad():
        constant.bias.copy_(torch.tensor([0.75, 0.25]).log())
    minimum = prepare(constant, inputs, labels)
    loss = nn.functional.cross_entropy(minimum.network(minimum.inputs), labels).item()
    # log of float32 shares: 1e-7.
    assert guessing_loss(minimum) == pytest.approx(loss, rel=1e-6)
    targets = torch.tensor([[1.0, 0.0], [3.0, 2.0]])
    minimum = prepare(nn.Linear(2, 2), inputs[:2], targets, loss="mse")
    assert guessing_loss(minimum) == 0.5 * (1.0 + 1.0)
    logit = torch.tensor([0, 1, 1, 1])
    minimum = prepare(nn.Linear(2, 1), inputs[:4], logit, loss="binary")
    expected = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert guessing_loss(minimum) == pytest.approx(expected, rel=1e-12)


def test_the_wrong_activation_is_asked_after_and_the_right_one_is_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    labels = torch.arange(90) % 3
    inputs = torch.randn(90, 2) + 4 * nn.functional.one_hot(labels, 3)[:, :2]
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    with torch.no_grad():  # so far out that another activation is another function
        network[0].weight *= 10
        network[0].bias *= 10
    save(tmp_path, network, (inputs, labels))
    for activation, told in (("relu", True), ("tanh", False)):
        described = {"family": "mlp", "activation": activation}
        report, _ = analysed(tmp_path, Parameters(architecture=described, stages=["spectrum"]))
        assert any("knowing how often each class comes" in each for each in report.warnings) == told
