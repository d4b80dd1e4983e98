"""Losses with smoothed labels or class weights: refused in words, and seen where nobody said so."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from minimascope.contract.parameters import OTHER_LOSSES, Parameters
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare

RIDGE = 0.01


@pytest.mark.parametrize(
    ("name", "value"), [("label_smoothing", 0.1), ("class_weights", [1.0, 2.0])]
)
def test_a_loss_that_is_not_handled_is_refused_with_its_value(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=OTHER_LOSSES[name]) as refused:
        Parameters.model_validate({name: value})
    assert str(value) in str(refused.value)


def test_a_plain_loss_may_be_called_so() -> None:
    given = {"label_smoothing": 0.0, "class_weights": None, "weight_decay": 0.1}
    assert Parameters.model_validate(given) == Parameters(weight_decay=0.1)


def trained(loss: nn.CrossEntropyLoss) -> Minimum:
    """Softmax regression at the minimum of `loss` + RIDGE/2 ‖θ‖²."""
    torch.manual_seed(0)
    X = torch.randn(200, 4).double()
    y = (X[:, :3] + 0.5 * torch.randn(200, 3)).argmax(dim=1)
    network = nn.Linear(4, 3).double()
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        ridge = torch.stack([q.square().sum() for q in network.parameters()]).sum()
        value: Tensor = loss(network(X), y) + RIDGE / 2 * ridge
        value.backward()
        return value

    optimizer.step(closure)  # type: ignore[arg-type]
    return prepare(network, X, y)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(label_smoothing=0.2),
        nn.CrossEntropyLoss(weight=torch.tensor([4.0, 1.0, 0.5], dtype=torch.float64)),
    ],
    ids=["smoothed", "weighted"],
)
def test_a_minimum_of_another_loss_is_not_called_a_minimum(loss: nn.CrossEntropyLoss) -> None:
    assert (
        estimate_gap(trained(nn.CrossEntropyLoss()).trained(weight_decay=RIDGE)).is_minimum is True
    )
    found = estimate_gap(trained(loss).trained(weight_decay=RIDGE))
    assert found.verdict == "not_a_minimum"
    assert found.headline is not None


def test_smoothed_targets_are_refused_with_their_shape() -> None:
    minimum = trained(nn.CrossEntropyLoss())
    smoothed = nn.functional.one_hot(minimum.targets, 3).double() * 0.9 + 0.1 / 3
    with pytest.raises(ValueError, match=r"\(200, 3\); smoothed or weighted labels"):
        estimate_gap(Minimum(minimum.network, minimum.inputs, smoothed).trained(weight_decay=RIDGE))
