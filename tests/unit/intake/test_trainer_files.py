"""Folders of transformers' Trainer as zips, and hostile files in the place of what it leaves."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import optim

from tests.cases.training_files import (
    STEPS,
    matrices_apart,
    network,
    read,
    saved,
    trained,
)


def hub_folder(tmp_path: Path, **extra: Any) -> Path:
    """A zip as a Trainer leaves it, but of an MLP."""
    from safetensors.torch import save

    model = network()
    decayed = matrices_apart(model)
    optimizer = optim.AdamW(decayed, lr=0.02, betas=(0.9, 0.99))
    scheduler = transformers.get_scheduler("linear", optimizer, 2, STEPS)
    trained(model, optimizer, scheduler)
    arguments = {
        "learning_rate": 0.02,
        "weight_decay": 0.05,
        "lr_scheduler_type": transformers.SchedulerType.LINEAR,
        "label_smoothing_factor": 0.2,
        "max_steps": -1,
        "warmup_steps": 2,
        "optim": "adamw_torch",
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
    }
    given = transformers.TrainingArguments.__new__(transformers.TrainingArguments)
    given.__dict__.update(arguments)
    path = tmp_path / "checkpoint.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run/model.safetensors", save(model.state_dict()))
        state = {"global_step": STEPS, "max_steps": STEPS, "log_history": []}
        archive.writestr("run/trainer_state.json", json.dumps(state))
        for name, value in (
            ("training_args.bin", given),
            ("optimizer.pt", optimizer.state_dict()),
            ("scheduler.pt", scheduler.state_dict()),
        ):
            buffer = io.BytesIO()
            torch.save(extra.get(name, value), buffer)
            archive.writestr(f"run/{name}", buffer.getvalue())
    return path


def test_what_a_trainer_of_transformers_leaves_is_read(tmp_path: Path, workdir: Path) -> None:
    found = read(hub_folder(tmp_path), workdir)
    p = found.parameters
    assert (p.optimizer, p.betas) == ("adamw", (0.9, 0.99))
    assert (p.weight_decay, p.decay_on) == (0.05, "matrices")
    assert (p.label_smoothing, p.batch_size, p.steps) == (0.2, 16, STEPS)
    rates = [0.02 * (k / 2 if k < 2 else (STEPS - k) / (STEPS - 2)) for k in range(STEPS)]
    assert p.lr_sum == pytest.approx(sum(rates))
    assert found.second_moment is not None


class Attack:
    def __reduce__(self) -> Any:
        import os

        return os.system, ("touch /tmp/minimascope-was-here",)


def test_a_hostile_trainer_file_says_nothing_and_runs_nothing(
    tmp_path: Path, workdir: Path
) -> None:
    found = read(hub_folder(tmp_path, **{"training_args.bin": Attack()}), workdir)
    assert found.parameters.label_smoothing is None
    assert found.parameters.optimizer == "adamw"
    assert not Path("/tmp/minimascope-was-here").exists()


BASE = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}
HOSTILE: dict[str, Any] = {
    "no numbers": {"state": {}, "param_groups": [{**BASE, "lr": "0.1", "params": "abc"}]},
    "infinite": {
        "state": {},
        "param_groups": [{**BASE, "lr": float("inf"), "weight_decay": -1.0, "params": [0]}],
    },
    "twice": {"state": {}, "param_groups": [{**BASE, "params": [0, 0, 0, 0, 0, 0]}]},
    "huge numbers": {"state": {}, "param_groups": [{**BASE, "params": [10**400, -5]}]},
    "negative squares": {
        "state": {k: {"step": 5, "exp_avg_sq": -torch.ones(2)} for k in range(6)},
        "param_groups": [{**BASE, "params": list(range(6))}],
    },
    "a promise of terabytes": {
        "state": {0: {"step": 5, "exp_avg_sq": torch.ones(1).expand(1 << 40)}},
        "param_groups": [{**BASE, "params": [0]}],
    },
    "many groups": {
        "state": {},
        "param_groups": [{**BASE, "weight_decay": k / 7, "params": [k]} for k in range(3000)],
    },
    "deep": {"state": {}, "param_groups": [{**BASE, "params": [[[]]], "betas": [[0.9]]}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_optimiser_state_leaves_weights_and_second_moments_alone(
    name: str, tmp_path: Path, workdir: Path
) -> None:
    value = {"model": network().state_dict(), "optimizer": HOSTILE[name]}
    found = read(saved(tmp_path, value), workdir)
    assert found.second_moment is None
    assert found.parameters.weight_decay in (None, 0.0)
    assert found.parameters.trainable is None
