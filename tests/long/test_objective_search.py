"""Weights at the exact minimum of an objective people use are recognised, others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.stationarity.search import search
from minimascope.objective.named import loss_named
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty

DECAY = 0.01
N, FEATURES, CLASSES = 60, 5, 3


def data(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(N, FEATURES, generator=generator, dtype=torch.float64)
    labels = (X[:, :CLASSES] + 0.7 * torch.randn(N, CLASSES, generator=generator)).argmax(1)
    return X, labels


def network(outputs: int = CLASSES, last: nn.Module | None = None) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [nn.Linear(FEATURES, 6), nn.Tanh(), nn.Linear(6, outputs)]
    return nn.Sequential(*layers, *([last] if last else [])).double()


def trained(
    model: nn.Sequential,
    loss: Callable[[Tensor], Tensor],
    X: Tensor,
    *,
    matrices_only: bool = False,
    decay: float = DECAY,
) -> None:
    """To the exact minimum of loss + decay/2 ‖θ‖²."""
    chosen = [q for q in model.parameters() if q.requires_grad]
    decayed = [q for q in chosen if q.ndim > 1 or not matrices_only]
    optimiser = torch.optim.LBFGS(
        chosen, max_iter=3000, tolerance_grad=1e-10, tolerance_change=0, history_size=40,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(model(X)) + 0.5 * decay * sum(q.square().sum() for q in decayed)
        value.backward()
        return value

    optimiser.step(closure)


def minimum_of(model: nn.Module, X: Tensor, y: Tensor, loss: str = "cross_entropy") -> Minimum:
    objective = Objective(loss_named(loss), Penalty(DECAY))
    return prepare(model, X, y, loss=objective)


def found_flags(minimum: Minimum) -> dict[str, Any]:
    found = search(minimum)
    assert found is not None
    assert found.sentence.startswith("These weights are at the exact minimum of ")
    return found.flags


@pytest.mark.parametrize("matrices_only", [False, True])
@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, {}),
        ({"label_smoothing": 0.1}, {"label_smoothing": 0.1}),
        ({"weight": torch.tensor([1.0, 2.0, 5.0]).double()}, {"class_weights": [1.0, 2.0, 5.0]}),
    ],
    ids=["plain", "smoothed", "weighted"],
)
def test_cross_entropy(options: dict[str, Any], flags: dict[str, Any], matrices_only: bool) -> None:
    X, y = data()
    model = network()
    trained(
        model,
        lambda f: functional.cross_entropy(f, y, **options),
        X,
        matrices_only=matrices_only,
    )
    expected = {**flags, "weight_decay": DECAY}
    if matrices_only:
        expected["decay_on"] = "matrices"
    assert found_flags(minimum_of(model, X, y)) == expected


def test_classes_weighted_by_their_frequency() -> None:
    X, y = data()
    weights = N / (CLASSES * torch.bincount(y).double())
    model = network()
    trained(model, lambda f: functional.cross_entropy(f, y, weight=weights), X)
    flags = found_flags(minimum_of(model, X, y))
    ratio = torch.tensor(flags["class_weights"]) / weights
    assert (ratio / ratio[0] - 1).abs().max() < 1e-3


def test_positives_weighted() -> None:
    X, y = data()
    one = (y > 0).double()
    model = network(1)
    weight = torch.tensor([3.0]).double()

    def loss(f: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(f[:, 0], one, pos_weight=weight)

    trained(model, loss, X)
    flags = found_flags(minimum_of(model, X, one.long(), "binary"))
    assert flags == {"pos_weight": [3.0], "weight_decay": DECAY}


@pytest.mark.parametrize(
    ("last", "loss"), [(nn.Sigmoid(), "binary"), (nn.Softmax(1), "cross_entropy")]
)
def test_a_network_that_ends_in_its_link(last: nn.Module, loss: str) -> None:
    X, y = data()
    y = (y > 0).long() if loss == "binary" else y
    model = network(1 if loss == "binary" else CLASSES, last)

    def told(f: Tensor) -> Tensor:
        if loss == "binary":
            return functional.binary_cross_entropy(f[:, 0], y.double())
        return functional.nll_loss(f.log(), y)

    trained(model, told, X)
    flags = found_flags(minimum_of(model, X, y, loss))
    assert flags == {"link": "probabilities", "weight_decay": DECAY}


def test_torchs_squared_error() -> None:
    X, _ = data()
    Y = X @ torch.randn(FEATURES, 4, dtype=torch.float64)
    model = network(4)
    trained(model, lambda f: functional.mse_loss(f, Y), X)
    flags = found_flags(minimum_of(model, X, Y, "mse"))
    assert flags == {"loss": "torch_mse", "weight_decay": DECAY}


def test_first_layers_that_were_frozen() -> None:
    X, y = data()
    model = network()
    for q in model[0].parameters():
        q.requires_grad_(False)
    trained(model, lambda f: functional.cross_entropy(f, y), X)
    model.requires_grad_(True)
    flags = found_flags(minimum_of(model, X, y))
    assert flags == {"weight_decay": DECAY, "trainable": ["2.weight", "2.bias"]}


@pytest.mark.parametrize(
    ("scale", "said"), [(255.0, "divided by 255"), (1.0, "standardised by feature")]
)
def test_inputs_in_other_units(scale: float, said: str) -> None:
    X, y = data()
    sent = (X - X.min()) / (X.max() - X.min()) * 255 if scale > 1 else 3 * X + 2
    used = sent / 255 if scale > 1 else (sent - sent.mean(0)) / sent.std(0, correction=0)
    model = network()
    trained(model, lambda f: functional.cross_entropy(f, y), used)
    found = search(minimum_of(model, sent, y))
    assert found is not None
    assert said in found.sentence


def test_a_minimum_without_decay() -> None:
    X, _ = data()
    Y = X @ torch.randn(FEATURES, 2, dtype=torch.float64) + torch.randn(N, 2, dtype=torch.float64)
    model = nn.Sequential(nn.Linear(FEATURES, 2)).double()
    trained(model, lambda f: 0.5 * (f - Y).square().sum(1).mean(), X, decay=0.0)
    assert found_flags(minimum_of(model, X, Y, "mse")) == {"weight_decay": 0.0}


def test_adamws_decay_beside_the_gradient() -> None:
    """The minimum of the loss plus ½ decay θᵀDθ, where AdamW with a still v comes to rest."""
    X, y = data()
    model = network()
    D = [0.02 + torch.rand_like(q) for q in model.parameters()]
    chosen = list(model.parameters())
    optimiser = torch.optim.LBFGS(
        chosen, max_iter=3000, tolerance_grad=1e-10, tolerance_change=0, history_size=40,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        pull = sum((d * q.square()).sum() for d, q in zip(D, chosen, strict=True))
        value = functional.cross_entropy(model(X), y) + 0.5 * DECAY * pull
        value.backward()
        return value

    optimiser.step(closure)
    names = [name for name, _ in model.named_parameters()]
    moment = {k: (d - 1e-8).square().detach() for k, d in zip(names, D, strict=True)}
    told = Objective(optimiser=Optimiser(name="adam", second_moment=moment))
    flags = found_flags(prepare(model, X, y, loss=told))
    assert flags == {"optimizer": "adamw", "weight_decay": DECAY}


def test_positives_of_many_labels() -> None:
    X, _ = data()
    Y = (X[:, :3] + 0.5 * torch.randn(N, 3, dtype=torch.float64) > 0.5).double()
    model = network(3)
    weight = torch.full((3,), 2.0, dtype=torch.float64)
    trained(
        model,
        lambda f: functional.binary_cross_entropy_with_logits(f, Y, pos_weight=weight),
        X,
    )
    flags = found_flags(minimum_of(model, X, Y, "multilabel"))
    assert flags == {"pos_weight": [2.0], "weight_decay": DECAY}


def test_weights_that_are_no_minimum_are_called_none() -> None:
    """Random weights, and some steps of gradient descent: nothing fits by chance."""
    X, y = data()
    for seed in range(20):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(FEATURES, 6), nn.Tanh(), nn.Linear(6, CLASSES)).double()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=DECAY)
        for _ in range(seed * 5):
            optimiser.zero_grad()
            functional.cross_entropy(model(X), y).backward()
            optimiser.step()
        assert search(minimum_of(model, X, y)) is None, seed


@pytest.mark.parametrize("moved", [1.0, 6.0])
@pytest.mark.parametrize("seed", range(3))
def test_one_class_moved_away_is_the_minimum_of_nothing(seed: int, moved: float) -> None:
    """Weights of classes turn down what is large; that is not what the network was trained with."""
    X, y = data(seed)
    model = network()
    trained(model, lambda f: functional.cross_entropy(f, y), X)
    last = model[2]
    assert isinstance(last, nn.Linear)
    last.bias.data[1] -= moved
    assert search(minimum_of(model, X, y)) is None
