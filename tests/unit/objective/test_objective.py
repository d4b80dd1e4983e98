"""What is known of training, and the ridge it amounts to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

import minimascope
from minimascope.objective.damping import Damping, unknown_sentence
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.metric import metric_of
from minimascope.objective.named import LOSSES
from minimascope.objective.objective import Objective, objective_of
from minimascope.objective.optimiser import (
    Optimiser,
    ScheduleName,
    bias_corrected,
)
from minimascope.objective.penalty import Penalty
from minimascope.objective.trainable import train_only

THETA = torch.tensor([1.0, -2.0], dtype=torch.float64)
SHAPES = {"weight": torch.Size((1, 1)), "bias": torch.Size((1,))}


NOTHING = Optimiser()


def damping(penalty: Penalty, optimiser: Optimiser = NOTHING, *, off: float = 0.0) -> Damping:
    """λ_eff at weights whose regularised gradient is `off` times the penalty's pull."""
    decays = penalty.of(SHAPES, THETA)
    objective = Objective(penalty=penalty, optimiser=optimiser)
    return metric_of(objective, decays, THETA, (off - 1) * decays * THETA, None).damping


def test_weight_decay_alone_is_lambda_at_a_converged_minimum() -> None:
    found = damping(Penalty(1e-3))
    assert (found.value, found.converged, found.known) == (1e-3, True, True)


def test_away_from_a_minimum_weight_decay_alone_says_nothing() -> None:
    found = damping(Penalty(1e-3), off=0.06)
    assert (found.value, found.converged, found.known) == (1e-3, False, False)
    assert "give the optimizer with lr, schedule and steps" in found.source


def test_a_schedule_adds_what_stopping_early_amounts_to() -> None:
    sgd = Optimiser(lr=0.1, momentum=0.9, steps=1000)
    found = damping(Penalty(1e-3), sgd, off=0.06)
    assert found.value == pytest.approx(1e-3 + 0.1 / 100, rel=1e-15)
    assert found.training_time == pytest.approx(1000, rel=1e-15)
    assert not found.converged
    assert damping(Penalty(1e-3), sgd).value == 1e-3  # at a minimum time does not count


@pytest.mark.parametrize("weight_decay", [None, 0.0])
def test_without_decay_and_schedule_lambda_is_unknown_and_why_is_said(
    weight_decay: float | None,
) -> None:
    found = damping(Penalty(weight_decay))
    assert found.value is None
    assert found.source.endswith(
        "the optimizer with lr, schedule and steps to get a headline number."
    )


def test_lbfgs_has_no_training_time() -> None:
    told = Optimiser("lbfgs", lr=1.0, steps=10)
    assert not damping(Penalty(1e-3), told, off=0.06).known
    assert damping(Penalty(1e-3), told).known


@pytest.mark.parametrize(
    ("penalty", "optimiser", "said"),
    [
        (Penalty(-1.0), Optimiser(), "weight_decay = -1.0"),
        (Penalty(), Optimiser(lr=0.0, steps=5), "lr = 0.0"),
        (Penalty(), Optimiser(lr=float("nan")), "lr = nan"),
        (Penalty(), Optimiser(momentum=1.0), "momentum = 1.0 must be below 1"),
        (Penalty(1.0, "head.*"), Optimiser(), "decay_on: 'head.*' fits no parameter; there are w"),
        (Penalty(table={"b": 1.0}), Optimiser(), "decay_table: 'b' fits no parameter"),
    ],
)
def test_values_that_no_training_has_are_named(
    penalty: Penalty, optimiser: Optimiser, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        damping(penalty, optimiser)


@pytest.mark.parametrize(
    ("penalty", "decays"),
    [
        (Penalty(0.5), [0.5, 0.5]),
        (Penalty(0.5, "matrices"), [0.5, 0.0]),
        (Penalty(0.5, "*b*"), [0.0, 0.5]),
        (Penalty(0.5, table={"b*": 0.1, "*": 0.2}), [0.2, 0.1]),
        (Penalty(table={"bias": 0.1}), [0.0, 0.1]),
    ],
)
def test_weight_decay_goes_where_it_was_told(penalty: Penalty, decays: list[float]) -> None:
    assert penalty.of(SHAPES, THETA).tolist() == decays


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 1050])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear", "step"])
def test_sums_of_rates_are_those_of_torch_schedulers(schedule: ScheduleName, steps: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    lr = torch.optim.lr_scheduler
    made = {
        "constant": lambda: lr.ConstantLR(optimizer, factor=1.0),
        "cosine": lambda: lr.CosineAnnealingLR(optimizer, steps),
        "linear": lambda: lr.LambdaLR(optimizer, lambda t: 1 - t / steps),
        "step": lambda: lr.LambdaLR(
            optimizer, lambda t: 0.1 ** ((2 * t >= steps) + (4 * t >= 3 * steps))
        ),
    }[schedule]()
    total = 0.0
    for _ in range(steps):
        total += optimizer.param_groups[0]["lr"]
        optimizer.step()
        made.step()
    told = Optimiser("sgd", lr=0.3, steps=steps, schedule=schedule)
    assert told.sum_of_rates == pytest.approx(total, rel=1e-12)
    assert Optimiser("sgd", lr_sum=total, momentum=0.5).training_time == pytest.approx(2 * total)


def test_the_state_of_adam_gives_its_second_moment() -> None:
    q = torch.zeros(3, requires_grad=True)
    adam = torch.optim.Adam([q], lr=0.0, betas=(0.9, 0.99))
    for _ in range(5):
        q.grad = torch.tensor([1.0, 2.0, 3.0])
        adam.step()
    state = adam.state[q]
    found = bias_corrected(state["exp_avg_sq"], 0.99, float(state["step"]))
    assert torch.allclose(found, torch.tensor([1.0, 4.0, 9.0]), rtol=1e-5)


def test_trainable_names_what_was_trained() -> None:
    network = nn.ModuleDict({"body": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
    train_only(network, ["head.*"])
    trained = [name for name, q in network.named_parameters() if q.requires_grad]
    assert trained == ["head.weight", "head.bias"]
    with pytest.raises(ValueError, match="trainable: 'neck' fits no parameter; there are body"):
        train_only(network, ["head.*", "neck"])
    with pytest.raises(ValueError, match="nothing would be left to train"):
        train_only(network, [])


def test_an_objective_is_known_by_its_loss_alone() -> None:
    assert objective_of("mse") == objective_of(Gaussian()) == Objective(Gaussian())


def test_nobody_else_compares_the_name_of_a_loss() -> None:
    """The contract lists the names; everyone else asks the loss what it can do."""
    root = Path(minimascope.__file__).parent
    allowed = {root / "objective", root / "contract"}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        if not allowed & set(path.parents)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Constant) and side.value in LOSSES
    ]
    assert found == []


def test_lbfgs_that_ended_early_is_told_to_go_on_and_not_asked_for_steps() -> None:
    said = unknown_sentence(Penalty(), Optimiser(name="lbfgs"))
    assert "let it run until the gradient stands still" in said
    assert "steps have no training time" in said
