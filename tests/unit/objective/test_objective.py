"""What is known of training, and the ridge it amounts to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import minimascope
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.named import LOSSES
from minimascope.objective.objective import Objective, objective_of
from minimascope.objective.optimiser import Sgd
from minimascope.objective.penalty import Ridge


def test_weight_decay_alone_is_lambda_at_a_converged_minimum() -> None:
    found = Objective(penalty=Ridge(1e-3)).damping
    assert found.value == 1e-3
    assert found.pure_weight_decay


def test_a_schedule_adds_what_stopping_early_amounts_to() -> None:
    found = Objective(penalty=Ridge(1e-3), optimiser=Sgd(lr=0.1, momentum=0.9, steps=1000)).damping
    assert found.value == pytest.approx(1e-3 + 0.1 / 100, rel=1e-15)
    assert not found.pure_weight_decay


@pytest.mark.parametrize("weight_decay", [None, 0.0])
def test_without_decay_and_schedule_lambda_is_unknown_and_why_is_said(
    weight_decay: float | None,
) -> None:
    found = Objective(penalty=Ridge(weight_decay)).damping
    assert found.value is None
    assert found.source.endswith("lr, momentum and steps to get a headline number.")


@pytest.mark.parametrize(
    ("penalty", "optimiser", "said"),
    [
        (Ridge(-1.0), Sgd(), "weight_decay = -1.0"),
        (Ridge(), Sgd(lr=0.0, steps=5), "lr = 0.0"),
        (Ridge(), Sgd(lr=float("nan")), "lr = nan"),
        (Ridge(), Sgd(momentum=1.0), "momentum = 1.0 must be below 1"),
    ],
)
def test_values_that_no_training_has_are_named(penalty: Ridge, optimiser: Sgd, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _ = Objective(penalty=penalty, optimiser=optimiser).damping


def test_a_penalty_has_a_gradient_and_a_ridge_that_can_be_inverted() -> None:
    theta = torch.tensor([1.0, -2.0])
    assert torch.equal(Ridge(0.5).gradient(theta), theta / 2)
    assert not Ridge().gradient(theta).any()
    assert (Ridge().stabilised, Ridge(0.0).stabilised, Ridge(0.1).stabilised) == (None, 1e-6, 0.1)


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
