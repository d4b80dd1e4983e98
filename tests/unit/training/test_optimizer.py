"""What the optimiser says: weight decay by tensor, its metric, how long training went on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.objective.penalty import Penalty
from minimascope.training import optimizer as optimisers
from minimascope.training.optimizer import told_by, with_schedule
from tests.cases.script import RATE, trained


def names_of(model: nn.Module) -> tuple[dict[int, str], list[str]]:
    named = dict(model.named_parameters())
    return {id(q): name for name, q in named.items()}, list(named)


def test_groups_give_each_tensor_its_decay() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    matrices = [q for q in model.parameters() if q.ndim > 1]
    rest = [q for q in model.parameters() if q.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.3, momentum=0.9)
    told = told_by(optimizer, *names_of(model))
    shapes = {name: q.shape for name, q in model.named_parameters()}
    assert told.penalty is not None
    assert told.penalty.by_name(shapes) == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "2.weight": 0.1,
        "2.bias": 0.0,
    }
    assert told.fields == {"optimizer": "sgd", "lr": 0.3, "momentum": 0.9}
    assert told.said == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (torch.optim.SGD, "sgd"),
        (torch.optim.Adam, "adam"),
        (torch.optim.AdamW, "adamw"),
        (torch.optim.RMSprop, "other"),
    ],
)
def test_the_class_is_the_metric(kind: type[torch.optim.Optimizer], name: str) -> None:
    script = trained(kind, epochs=1)
    told = told_by(script.optimizer, *names_of(script.model))
    assert told.fields["optimizer"] == name
    assert told.penalty == Penalty(0.02)
    assert ("steps" in told.fields) == (kind is not torch.optim.SGD)


def test_second_moments_are_corrected_for_their_start() -> None:
    """One step of gradient g: v̂ = g², whatever β₂ is."""
    script = trained(torch.optim.Adam, epochs=0)
    script.criterion(script.model(script.X), script.y).backward()
    gradients = {
        n: q.grad.clone() for n, q in script.model.named_parameters() if q.grad is not None
    }
    for group in script.optimizer.param_groups:
        group["weight_decay"] = 0.0
    script.optimizer.step()
    told = told_by(script.optimizer, *names_of(script.model))
    assert told.second_moment is not None
    for name, g in gradients.items():
        torch.testing.assert_close(told.second_moment[name].float(), g.square())
    assert told.fields["steps"] == 1


def test_a_scheduler_is_gone_through_again() -> None:
    script = trained(epochs=0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(script.optimizer, T_max=10)
    rates = []
    for _ in range(10):
        rates.append(script.optimizer.param_groups[0]["lr"])
        script.optimizer.step()
        scheduler.step()
    before = str(scheduler.state_dict()), script.optimizer.param_groups[0]["lr"]
    told = told_by(script.optimizer, *names_of(script.model))
    assert told.fields["lr"] == RATE
    found = with_schedule(told, scheduler, 40)
    assert found.fields["lr_sum"] == pytest.approx(4 * sum(rates))
    assert found.fields["steps"] == 40
    assert (str(scheduler.state_dict()), script.optimizer.param_groups[0]["lr"]) == before
    own = with_schedule(told, rates, None)
    assert own.fields["lr_sum"] == pytest.approx(sum(rates))


def test_a_sum_over_a_batch_is_in_other_units() -> None:
    """SGD on a sum over b examples is SGD on the mean, lr·b and decay/b: the same T·λ."""
    script = trained(epochs=1)
    told = with_schedule(told_by(script.optimizer, *names_of(script.model)), None, 30)
    found = optimisers.in_units_of_mean(told, 1.0, 12)
    assert found.fields["lr"] == pytest.approx(12 * RATE)
    assert found.penalty == Penalty(0.02 / 12)
    unknown = optimisers.in_units_of_mean(told, 1.0, None)
    assert unknown.penalty is None
    assert "batch_size=" in unknown.said[-1]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: "adam", "The optimiser is a str"),
        (
            lambda: torch.optim.SGD(nn.Linear(2, 6).parameters(), lr=0.1),
            "none of the model's parameters",
        ),
    ],
)
def test_an_optimiser_of_another_model_gets_one_sentence(made: Any, sentence: str) -> None:
    script = trained(epochs=0)
    with pytest.raises(ProblemError) as refused:
        told_by(made(), *names_of(script.model))
    assert sentence in refused.value.sentence
