"""Descents: to the minimum that Newton's method finds, and back into the file that came."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.questions.descent import descend, file_places, refuse_unlike, written
from minimascope.analysis.session.opening import Files, open_files
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError

DECAY = 0.1
TOLD = {"architecture": {"family": "mlp", "activation": "tanh"}, "weight_decay": DECAY}


def saved(folder: Path, network: nn.Module) -> Files:
    """Blobs of two classes, and the network's state dict in float32."""
    x = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[1, 0], [-1, 1]], 30, axis=0)
    torch.save(network.state_dict(), folder / "model.pt")
    np.savez(folder / "train.npz", X=x, y=np.repeat([0, 1], 30))
    return Files(folder / "model.pt", folder / "train.npz")


def test_a_convex_loss_ends_where_newton_ends_and_the_file_says_so(tmp_path: Path) -> None:
    torch.manual_seed(0)
    files = saved(tmp_path, nn.Sequential(nn.Linear(2, 2)))
    parameters = Parameters.model_validate(TOLD)
    opened = open_files(files, parameters, workdir=tmp_path)
    theta, path = descend(opened.minimum, seconds=30)

    x, y = opened.minimum.inputs, opened.minimum.targets

    def objective(q: torch.Tensor) -> torch.Tensor:
        logits = x @ q[:4].view(2, 2).T + q[4:]
        return nn.functional.cross_entropy(logits, y) + 0.5 * DECAY * (q**2).sum()

    newton = opened.minimum.theta
    for _ in range(20):  # strongly convex with modulus DECAY: converges quadratically
        gradient = torch.func.grad(objective)(newton)
        newton = newton - torch.linalg.solve(torch.func.hessian(objective)(newton), gradient)
    # What is left of the gradient is at most 1e-3 of the decay's; the modulus bounds the distance.
    assert float((theta - newton).norm()) <= 1e-3 * float(newton.norm()) * 1.01
    assert path.converged
    assert path.objective_after == pytest.approx(float(objective(theta)), rel=1e-12)
    assert path.objective_before > path.objective_after
    places = file_places(opened.checkpoint, parameters.architecture)
    (tmp_path / "moved.pt").write_bytes(written(opened, places, theta))
    again = open_files(Files(tmp_path / "moved.pt", files.train), parameters, workdir=tmp_path)
    assert torch.equal(again.minimum.theta, theta)


def test_every_number_returns_to_its_own_place_in_the_file(tmp_path: Path) -> None:
    """Layers of one shape in the order of the file; other numbers of it stay as they are."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    parameters = Parameters.model_validate(TOLD)
    opened = open_files(saved(tmp_path, network), parameters, workdir=tmp_path)
    theta = opened.minimum.theta + torch.arange(opened.minimum.dim)
    places = file_places(opened.checkpoint, parameters.architecture)
    moved = torch.load(io.BytesIO(written(opened, places, theta)))
    assert list(moved) == list(network.state_dict())
    flat = torch.cat([moved[name].flatten() for name in moved])
    assert torch.equal(flat, theta)


@pytest.mark.parametrize(
    "told", [{"weight_decay": None}, {"optimizer": "adamw"}, {"augmentation": True}]
)
def test_without_a_known_minimum_there_is_no_descent(tmp_path: Path, told: dict[str, bool]) -> None:
    files = saved(tmp_path, nn.Sequential(nn.Linear(2, 2)))
    parameters = Parameters.model_validate({**TOLD, **told})
    opened = open_files(files, parameters, workdir=tmp_path)
    with pytest.raises(ProblemError, match="no known minimum"):
        refuse_unlike(opened.minimum)
