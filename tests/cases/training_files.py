"""Files as training scripts leave them: a small network, what trained it, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from minimascope.analysis.session.from_file import FromFile, from_file
from minimascope.contract.parameters import Parameters
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

STEPS = 12
MLP = {"family": "mlp", "activation": "tanh"}
Optim = Callable[[nn.Module], optim.Optimizer]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))


def trained(
    model: nn.Module, optimizer: optim.Optimizer, scheduler: Any = None, steps: int = STEPS
) -> float:
    """Trains; Σ lr of all steps."""
    total = 0.0
    x, y = torch.randn(20, 3), torch.randint(0, 2, (20,))

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for _ in range(steps):
        total += optimizer.param_groups[0]["lr"]
        optimizer.step(closure)
        if scheduler is not None:
            scheduler.step()
    return total


def read(path: Path, workdir: Path, *, state: Path | None = None, **told: Any) -> FromFile:
    checkpoint = read_checkpoint(path, workdir=workdir)
    architecture = None if checkpoint.graph else MLP
    built = build_network(checkpoint, architecture)
    return from_file(built, checkpoint, state, Parameters(**told), workdir)


def saved(tmp_path: Path, value: Any, name: str = "model.pt") -> Path:
    path = tmp_path / name
    torch.save(value, path)
    return path


def matrices_apart(model: nn.Module) -> list[dict[str, Any]]:
    every = list(model.parameters())
    return [
        {"params": [q for q in every if q.ndim > 1], "weight_decay": 0.05},
        {"params": [q for q in every if q.ndim < 2], "weight_decay": 0.0},
    ]
