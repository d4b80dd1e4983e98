"""What is told of the objective reaches the minimum, and what cannot be of it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minimascope.analysis.session.assembly import Opened
from minimascope.analysis.session.opening import Files, open_files
from minimascope.analysis.session.told import objective_summary
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError

MLP = {"family": "mlp", "activation": "tanh"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("told")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    torch.save(model.state_dict(), folder / "model.pt")
    X = np.random.default_rng(0).normal(size=(12, 3))
    y, source = np.arange(12) % 2, np.arange(12) // 3
    np.savez(folder / "train.npz", X=X, y=y, source=source)
    return Files(folder / "model.pt", folder / "train.npz")


def opened(files: Files, tmp_path: Path, **told: Any) -> tuple[Opened, Parameters]:
    parameters = Parameters.model_validate({"architecture": MLP, **told})
    return open_files(files, parameters, workdir=tmp_path), parameters


def test_frozen_parameters_and_groups_of_weight_decay(files: Files, tmp_path: Path) -> None:
    told = {"optimizer": "adamw", "lr": 0.1, "steps": 9, "schedule": "cosine"}
    decay = {"weight_decay": 0.01, "decay_on": "matrices"}
    found, _ = opened(files, tmp_path, trainable=["2.*"], **told, **decay)
    assert found.minimum.names == ["2.weight", "2.bias"]
    summary = objective_summary(found)
    assert (summary.trained, summary.frozen, summary.moments) == (10, 16, "gradients")
    assert summary.training_time == pytest.approx(0.5)
    assert [(g.name, g.weight_decay, g.parameters) for g in summary.penalty] == [
        ("2.weight", 0.01, 8),
        ("2.bias", 0.0, 2),
    ]


def test_a_column_tells_copies_apart_and_is_no_input(files: Files, tmp_path: Path) -> None:
    found, _ = opened(files, tmp_path, groups="source")
    assert found.minimum.groups is not None
    assert found.minimum.groups.tolist() == (np.arange(12) // 3).tolist()
    assert found.minimum.inputs.shape == (12, 3)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"trainable": ["head.*"]}, "trainable: 'head.*' fits no parameter; there are 0.weight"),
        ({"weight_decay": 0.1, "decay_on": "head.*"}, "decay_on: 'head.*' fits no parameter"),
        ({"decay_table": {"head.*": 0.1}}, "decay_table: 'head.*' fits no parameter"),
        ({"groups": "origin"}, "have no column or array 'origin' of groups"),
    ],
)
def test_what_cannot_be_of_this_network_is_refused(
    files: Files, tmp_path: Path, told: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProblemError, match=said) as refused:
        opened(files, tmp_path, **told)
    assert refused.value.code == "invalid_parameters"
