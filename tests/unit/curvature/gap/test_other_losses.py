"""Losses with smoothed labels or class weights: seen where nobody said so, right where told."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.cross_entropy import CrossEntropy

RIDGE = 0.01


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


OTHERS = {
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.2), CrossEntropy(label_smoothing=0.2)),
    "weighted": (
        nn.CrossEntropyLoss(weight=torch.tensor([4.0, 1.0, 0.5], dtype=torch.float64)),
        CrossEntropy(class_weights=(4.0, 1.0, 0.5)),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_minimum_of_another_loss_is_one_where_that_loss_is_told(name: str) -> None:
    criterion, loss = OTHERS[name]
    found = trained(criterion)
    assert estimate_gap(found.trained(weight_decay=RIDGE)).converged is False
    told = prepare(found.network, found.inputs, found.targets, loss=loss)
    assert estimate_gap(told.trained(weight_decay=RIDGE)).converged is True


def test_soft_labels_of_smoothing_are_the_smoothed_loss() -> None:
    criterion, loss = OTHERS["smoothed"]
    found = trained(criterion)
    soft = nn.functional.one_hot(found.targets, 3).double() * 0.8 + 0.2 / 3
    values = [
        estimate_gap(minimum.trained(weight_decay=RIDGE)).estimates["soft_rank_ggn"].value
        for minimum in (
            prepare(found.network, found.inputs, found.targets, loss=loss),
            prepare(found.network, found.inputs, soft),
        )
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-10)


@pytest.mark.parametrize("name", OTHERS)
def test_the_headline_is_in_plain_loss_and_the_trained_one_stands_beside(name: str) -> None:
    criterion, loss = OTHERS[name]
    found = trained(criterion)
    told = prepare(found.network, found.inputs, found.targets, loss=loss)
    X = torch.randn(300, 4).double()
    y = X[:, :3].argmax(dim=1)
    result = estimate_gap(told.trained(weight_decay=RIDGE), test=(X, y))
    with torch.no_grad():
        train, test = found.network(found.inputs), found.network(X)
    plain = nn.functional.cross_entropy
    expected = float(plain(test, y) - plain(train, found.targets))
    assert result.measured is not None
    assert result.measured.value == pytest.approx(expected, rel=1e-10)
    expected = float(criterion(test, y) - criterion(train, found.targets))
    assert result.estimates["measured_trained"].value == pytest.approx(expected, rel=1e-10)
    ridge, trained_loss = (result.estimates[key].value for key in ("alo_ggn", "alo_trained"))
    assert ridge is not None
    assert trained_loss is not None
    assert abs(ridge / trained_loss - 1) > 0.01
    assert result.alo_loss is not None
    assert float((result.alo_loss - result.train_loss).mean()) == pytest.approx(ridge, rel=1e-10)
    assert result.train_loss == pytest.approx(
        plain(train, found.targets, reduction="none"), rel=1e-10
    )


def test_where_the_loss_is_plain_nothing_stands_beside() -> None:
    found = estimate_gap(trained(nn.CrossEntropyLoss()).trained(weight_decay=RIDGE))
    assert not [name for name in found.estimates if name.endswith("_trained")]
