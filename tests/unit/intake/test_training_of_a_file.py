"""What files of real torch optimisers say of the training that wrote them, and what comes of it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler

import minimascope
from minimascope.analysis.session.from_file import from_file
from minimascope.cli import main
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.objective.optimiser import Optimiser
from tests.cases.training_files import (
    MLP,
    STEPS,
    Optim,
    matrices_apart,
    network,
    read,
    saved,
    trained,
)

OPTIMIZERS: dict[str, tuple[Optim, dict[str, Any]]] = {
    "SGD": (
        lambda m: optim.SGD(m.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-3},
    ),
    "Adam": (
        lambda m: optim.Adam(m.parameters(), lr=0.05, betas=(0.8, 0.95)),
        {"optimizer": "adam", "betas": (0.8, 0.95), "weight_decay": 0.0, "steps": STEPS},
    ),
    "AdamW": (
        lambda m: optim.AdamW(m.parameters(), lr=0.05),
        {"optimizer": "adamw", "weight_decay": 0.01, "lr": 0.05, "schedule": "constant"},
    ),
    "AdamW of named parameters": (
        lambda m: optim.AdamW(m.named_parameters(), lr=0.05, amsgrad=True),
        {"optimizer": "adamw", "steps": STEPS},
    ),
    "AdamW with groups": (
        lambda m: optim.AdamW(matrices_apart(m), lr=0.05),
        {"optimizer": "adamw", "weight_decay": 0.05, "decay_on": "matrices"},
    ),
    "AdamW, small parameters first": (
        lambda m: optim.AdamW(matrices_apart(m)[::-1], lr=0.05),
        {"weight_decay": 0.05, "decay_on": "matrices"},
    ),
    "AdamW, head first": (
        lambda m: optim.AdamW(
            [
                {"params": m[4].parameters(), "weight_decay": 0.5},
                {"params": [*m[0].parameters(), *m[2].parameters()], "weight_decay": 0.1},
            ],
            lr=0.05,
        ),
        {"weight_decay": 0.1, "decay_table": {"4.weight": 0.5, "4.bias": 0.5}},
    ),
    "L-BFGS": (lambda m: optim.LBFGS(m.parameters()), {"optimizer": "lbfgs", "lr": None}),
    "RAdam": (lambda m: optim.RAdam(m.parameters()), {"optimizer": "other", "lr": None}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_in_the_file_is_what_was_minimised_with(
    name: str, tmp_path: Path, workdir: Path
) -> None:
    make, wanted = OPTIMIZERS[name]
    model = network()
    optimizer = make(model)
    trained(model, optimizer)
    value = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    found = read(saved(tmp_path, value), workdir)
    for field, expected in wanted.items():
        assert getattr(found.parameters, field) == expected, field
    assert found.read.startswith("Read from the checkpoint: ")


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name.startswith("Adam")])
def test_second_moments_are_those_of_the_optimiser_by_name(
    name: str, tmp_path: Path, workdir: Path
) -> None:
    model = network()
    optimizer: Any = OPTIMIZERS[name][0](model)
    trained(model, optimizer)
    value = {"state_dict": model.state_dict(), "optimizer_states": [optimizer.state_dict()]}
    found = read(saved(tmp_path, value), workdir)
    assert found.second_moment is not None
    for key, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        beta = optimizer.param_groups[0]["betas"][1]
        wanted = square.double() / (1 - beta ** float(state["step"]))
        torch.testing.assert_close(found.second_moment[key], wanted, rtol=1e-12, atol=0)


SCHEDULERS: dict[str, Callable[[optim.Optimizer], Any]] = {
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS),
    "cosine to a floor": lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.01),
    "cosine that was cut": lambda o: lr_scheduler.CosineAnnealingLR(o, 2 * STEPS),
    "step": lambda o: lr_scheduler.StepLR(o, 5),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, [3, 9], gamma=0.3),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "linear": lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 6),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, 2 * STEPS, 2.0),
    "factor": lambda o: lr_scheduler.ConstantLR(o, 0.2, 4),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_sum_of_learning_rates_is_that_of_the_schedule(
    name: str, tmp_path: Path, workdir: Path
) -> None:
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    scheduler = SCHEDULERS[name](optimizer)
    total = trained(model, optimizer, scheduler)
    value = {
        "model": model.state_dict(),
        "optim": optimizer.state_dict(),
        "sched": scheduler.state_dict(),
    }
    found = read(saved(tmp_path, value), workdir).parameters
    rates = {k: getattr(found, k) for k in ("lr", "steps", "schedule", "lr_sum")}
    assert Optimiser("adam", **rates).sum_of_rates == pytest.approx(total, rel=1e-9)


def test_a_schedule_that_the_file_does_not_hold_is_asked_for(tmp_path: Path, workdir: Path) -> None:
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    trained(model, optimizer, scheduler)
    value = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    found = read(saved(tmp_path, value), workdir)
    assert found.parameters.lr is None
    assert found.open == [
        "The learning rate began at 0.05, and how it went the file does not say: tell schedule and "
        "steps, or lr_sum over 12 steps."
    ]


def test_steps_that_a_person_tells_go_with_the_rates_of_the_file(
    tmp_path: Path, workdir: Path
) -> None:
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    scheduler = lr_scheduler.StepLR(optimizer, 5)
    total = trained(model, optimizer, scheduler)
    value = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }
    path = saved(tmp_path, value)
    silent = read(path, workdir)
    assert silent.parameters.lr_sum is None
    assert "say steps" in silent.open[0]
    told = read(path, workdir, steps=10 * STEPS).parameters
    assert told.lr_sum == pytest.approx(10 * total)


def test_what_a_person_told_wins(tmp_path: Path, workdir: Path) -> None:
    model = network()
    optimizer = optim.AdamW(matrices_apart(model), lr=0.05)
    trained(model, optimizer)
    path = saved(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    found = read(path, workdir, weight_decay=0.3, betas=(0.5, 0.5), optimizer="adamw").parameters
    assert (found.weight_decay, found.decay_on, found.betas) == (0.3, "all", (0.5, 0.5))
    other = read(path, workdir, optimizer="sgd", lr=0.1)
    assert other.parameters == Parameters(optimizer="sgd", lr=0.1)
    assert (other.read, other.open, other.second_moment) == ("", [], None)


def test_a_lightning_checkpoint_tells_its_hyper_parameters(tmp_path: Path, workdir: Path) -> None:
    model = network()
    optimizer = optim.AdamW(model.parameters(), lr=0.05)
    trained(model, optimizer)
    value = {
        "epoch": 3,
        "global_step": STEPS,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {
            **model.state_dict(),
            "criterion.weight": torch.tensor([1.0, 3.0]),
        },
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": Namespace(label_smoothing=0.1, dropout=0.3, batch_size=16),
    }
    path = saved(tmp_path, value, "last.ckpt")
    found = read(path, workdir)
    assert found.parameters.class_weights == [1.0, 3.0]
    assert found.parameters.label_smoothing == 0.1
    assert found.parameters.dropout is True
    assert found.parameters.batch_size == 16
    assert "2 class weights (criterion.weight)" in found.read
    assert all(row["name"] != "criterion.weight" for row in read_layers(path, tmp_path))


def read_layers(path: Path, tmp_path: Path) -> list[dict[str, Any]]:
    return inspect_checkpoint(path, workdir=tmp_path)["layers"]


def test_a_loss_of_the_network_that_is_no_layer_of_it_changes_nothing_else(
    tmp_path: Path, workdir: Path
) -> None:
    weights = {**network().state_dict(), "loss_fn.pos_weight": torch.tensor([4.0])}
    found = read(saved(tmp_path, weights), workdir)
    assert (found.parameters.loss, found.parameters.pos_weight) == ("binary", [4.0])
    told = read(saved(tmp_path, weights), workdir, loss="multilabel").parameters
    assert (told.loss, told.pos_weight) == ("multilabel", None)


def test_an_optimisers_own_file_is_read_beside_bare_weights(tmp_path: Path, workdir: Path) -> None:
    model = network()
    optimizer = optim.AdamW(model.parameters(), lr=0.05)
    trained(model, optimizer)
    weights = saved(tmp_path, model.state_dict())
    state = saved(tmp_path, optimizer.state_dict(), "optimizer.pt")
    found = read(weights, workdir, state=state)
    assert found.parameters.optimizer == "adamw"
    assert found.second_moment is not None
    assert found.read.startswith("Read from the optimiser's state: AdamW, weight decay 0.01, ")
    assert inspect_checkpoint(state, workdir=workdir)["format"] == "training"
    with pytest.raises(ProblemError, match="state of an optimiser and no weights"):
        read_checkpoint(state, workdir=workdir)
    with pytest.raises(ProblemError, match="and the optimizer is sgd") as refused:
        read(weights, workdir, state=state, optimizer="sgd")
    assert refused.value.code == "invalid_parameters"


def test_the_state_of_another_network_is_refused_in_a_sentence(
    tmp_path: Path, workdir: Path
) -> None:
    other = nn.Sequential(nn.Linear(3, 7), nn.Tanh(), nn.Linear(7, 2))
    optimizer = optim.Adam(other.parameters())
    trained(other, optimizer)
    weights = saved(tmp_path, network().state_dict())
    state = saved(tmp_path, optimizer.state_dict(), "optimizer.pt")
    with pytest.raises(ProblemError, match="is that of another network") as refused:
        read(weights, workdir, state=state)
    assert refused.value.code == "optimizer_state_mismatch"


def test_second_moments_by_name_are_taken_as_they_are(tmp_path: Path, workdir: Path) -> None:
    from safetensors.torch import save_file

    model = network()
    moments = {name: torch.rand_like(q.detach()) for name, q in model.named_parameters()}
    save_file(moments, tmp_path / "v.safetensors")
    found = read(
        saved(tmp_path, model.state_dict()),
        workdir,
        state=tmp_path / "v.safetensors",
        optimizer="adam",
    )
    assert found.second_moment is not None
    assert torch.equal(found.second_moment["2.bias"].float(), moments["2.bias"])


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_an_exported_network_says_itself_what_was_trained(tmp_path: Path, workdir: Path) -> None:
    model = network()
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    path = minimascope.export(model, torch.randn(4, 3), tmp_path / "model.pt2")
    checkpoint = read_checkpoint(path, workdir=workdir)
    built = build_network(checkpoint, None)
    wanted = {name for name, q in model.named_parameters() if q.requires_grad}
    assert {name for name, q in built.named_parameters() if q.requires_grad} == wanted
    found = from_file(built, checkpoint, None, Parameters(), workdir)
    said = "34 of 54 parameters were trained; the others are constants, as requires_grad says."
    assert found.read == said
    told = inspect_checkpoint(path, workdir=workdir)
    assert (told["parameters"], said in told["warnings"]) == (34, True)
    again = build_network(checkpoint, None)
    from_file(again, checkpoint, None, Parameters(trainable=["0.*"]), workdir)
    assert [name for name, q in again.named_parameters() if q.requires_grad] == [
        *("0.weight", "0.bias")
    ]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_network_exported_without_any_gradient_counts_as_trained(
    tmp_path: Path, workdir: Path
) -> None:
    model = network().requires_grad_(False)
    path = minimascope.export(model, torch.randn(4, 3), tmp_path / "model.pt2")
    checkpoint = read_checkpoint(path, workdir=workdir)
    assert all(q.requires_grad for q in build_network(checkpoint, None).parameters())
    assert "all were taken as trained" in checkpoint.warnings[0]


def test_only_the_head_that_an_optimiser_moved_was_trained(tmp_path: Path, workdir: Path) -> None:
    model = network()
    optimizer = optim.AdamW(model[4].parameters(), lr=0.05)
    trained(model, optimizer)
    value = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    found = read(saved(tmp_path, value), workdir)
    assert found.parameters.trainable == ["4.weight", "4.bias"]
    assert found.second_moment is not None


def test_the_command_line_says_what_a_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network()
    optimizer = optim.AdamW(matrices_apart(model), lr=0.05)
    trained(model, optimizer)
    path = saved(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    assert main(["inspect", str(path)]) == 0
    said = capsys.readouterr().out
    assert "AdamW, weight decay 0.05 on matrices, 12 steps with a constant learning rate" in said
    options = said.split("as options  ")[1].splitlines()[0]
    assert "--optimizer adamw --betas 0.9,0.999 --weight-decay 0.05 --decay-on matrices" in options


def test_analyze_takes_the_state_of_the_optimiser(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    model = network()
    optimizer = optim.AdamW(model.parameters(), lr=0.05)
    trained(model, optimizer)
    np.savez(tmp_path / "train.npz", X=torch.randn(20, 3).numpy(), y=np.arange(20) % 2)
    files = [
        *("--checkpoint", str(saved(tmp_path, model.state_dict()))),
        *("--train", str(tmp_path / "train.npz")),
        *("--optimizer-state", str(saved(tmp_path, optimizer.state_dict(), "optimizer.pt"))),
    ]
    asked = ["--architecture", json.dumps(MLP), "--stages", "gap", "--quiet", "--json"]
    assert main(["analyze", *files, *asked]) == 0
    objective = json.loads(capsys.readouterr().out)["objective"]
    assert objective["optimizer"] == "adamw"
    assert objective["moments"] == "state"
    assert objective["steps"] == STEPS
    assert "the second moments that it kept" in objective["read"]
