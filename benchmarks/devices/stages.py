"""CPU seconds and memory of every stage of whole analyses of a small trained network."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from minimascope.analysis.run import run_opened
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState
from minimascope.curvature.running.memory import PeakMemory
from minimascope.training.asked import Script, asked_of

STEPS, INPUTS, CLASSES = 150, 32, 10


class Clocked:
    """A publisher that hears when stages begin and end, and reads this process's CPU clock."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = time.process_time()

    def progress(self, stage: str, fraction: float, message: str) -> None:
        """Not heard."""

    def stage(self, stage: str, state: StageState, seconds: float | None) -> None:
        now = time.process_time()
        if state == "running":
            self._begun = now
        else:
            self.seconds[stage] = now - self._begun

    def report(self, report: Report) -> None:
        """Not kept."""

    def array(self, name: str, value: np.ndarray) -> None:
        """Not kept."""


def trained(n: int, width: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Two hidden layers on noisy classes of a random linear map."""
    torch.manual_seed(0)
    x = torch.randn(n, INPUTS)
    y = (x @ torch.randn(INPUTS, CLASSES) + torch.randn(n, CLASSES)).argmax(1)
    layers = [nn.Linear(INPUTS, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()]
    network = nn.Sequential(*layers, nn.Linear(width, CLASSES))
    steps = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(STEPS):
        rows = torch.randint(n, (min(n, 256),))
        steps.zero_grad()
        nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
        steps.step()
    return network, x, y


def stage_seconds(n: int, width: int) -> tuple[dict[str, float], int]:
    """CPU seconds by stage of one analysis, and the growth of memory in all."""
    network, x, y = trained(n, width)
    script = Script(network, (x, y), nn.CrossEntropyLoss())
    asked = asked_of(script, {"seed": 0, "weight_decay": 1e-3})
    heard = Clocked()
    with PeakMemory(torch.device("cpu")) as peak:
        run_opened(asked.opened, asked.parameters, publisher=heard)
    return heard.seconds, peak.peak_bytes or 0
