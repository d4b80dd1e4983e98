"""The networks of the gap study: a seeded draw over the factors, and their training.

Training and test set come from one distribution, label noise included: the gap of a network that
is tested on cleaner labels than it was trained on is a different quantity.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.minimum.minimum import Minimum, prepare

Family = Literal[
    "digits_mlp", "teacher_mlp", "digits_cnn", "digits_cnn_bn", "wide_teacher_mlp", "mixture_mlp"
]
Optimizer = Literal["lbfgs", "sgd"]

COUNTS: dict[Family, int] = {
    "digits_mlp": 28,
    "teacher_mlp": 36,
    "digits_cnn": 14,
    "digits_cnn_bn": 14,
}
# More networks trained by SGD: there λ comes from the schedule, and half of them say how well.
SCHEDULE_COUNTS: dict[Family, int] = {
    "digits_mlp": 12,
    "teacher_mlp": 12,
    "digits_cnn": 4,
    "digits_cnn_bn": 4,
}
# Inputs and classes of each family; those not drawn from a distribution of ours are digits.
SIZES: dict[Family, tuple[int, int]] = {
    "teacher_mlp": (12, 4),
    "wide_teacher_mlp": (20, 5),
    "mixture_mlp": (10, 6),
}
DIGITS = (64, 10)
TESTED: dict[Family, int] = {
    "teacher_mlp": 4000,
    "wide_teacher_mlp": 20_000,
    "mixture_mlp": 20_000,
}
TEACHER_WIDTHS: dict[Family, int] = {"teacher_mlp": 20, "wide_teacher_mlp": 40}
CLUSTERS, SPREAD = 3, 0.8
LBFGS_ITERATIONS = (40, 1500)
BATCH = 50


@dataclass(frozen=True)
class Design:
    """One network: everything that decides it, seed included."""

    name: str
    family: Family
    seed: int
    n: int
    width: int
    depth: int
    noise: float
    weight_decay: float
    optimizer: Optimizer
    iterations: int
    lr: float = 0.0
    momentum: float = 0.0

    @property
    def steps(self) -> int:
        """Optimiser steps; epochs × batches for SGD."""
        return self.iterations * -(-self.n // BATCH)


def designs() -> list[Design]:
    """All networks of the study, families interleaved; the further SGD networks come last."""
    return [_draw(family, i) for family, i in _interleaved(COUNTS)] + [
        _draw(family, i, schedule=True) for family, i in _interleaved(SCHEDULE_COUNTS)
    ]


def _interleaved(counts: dict[Family, int]) -> list[tuple[Family, int]]:
    order = sorted(
        (i / counts[family], family, i) for family in counts for i in range(counts[family])
    )
    return [(family, i) for _, family, i in order]


def _draw(family: Family, index: int, *, schedule: bool = False) -> Design:
    rng = random.Random(f"{family}/schedule/{index}" if schedule else f"{family}/{index}")
    mlp, teacher = family.endswith("mlp"), family == "teacher_mlp"
    # BatchNorm has other statistics in training than in evaluation: full-batch L-BFGS on the
    # evaluation-mode loss would not be how anyone trains it.
    sgd = schedule or family == "digits_cnn_bn" or rng.random() < 0.5
    return Design(
        name=f"{family}_s{index:02d}" if schedule else f"{family}_{index:02d}",
        family=family,
        seed=(2000 if schedule else 1000) + index,
        n=rng.choice([100, 200, 400]),
        width=rng.choice([8, 16, 32] if teacher else ([6, 10, 14] if mlp else [4, 6, 8])),
        depth=rng.choice([1, 2, 3]) if mlp else 2,
        noise=rng.choice([0.0, 0.1, 0.3]),
        weight_decay=rng.choice([0.0, 1e-4, 1e-3, 1e-2] if sgd else [1e-3, 3e-3, 1e-2, 3e-2]),
        optimizer="sgd" if sgd else "lbfgs",
        iterations=rng.choice([30, 100, 200]) if sgd else rng.choice(LBFGS_ITERATIONS),
        lr=rng.choice([0.03, 0.1]) if sgd else 0.0,
        momentum=rng.choice([0.0, 0.9]) if sgd else 0.0,
    )


def data(design: Design) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(training inputs, labels, test inputs, labels), float64."""
    generator = torch.Generator().manual_seed(design.seed)
    if design.family in TEACHER_WIDTHS:
        X, y = _teacher(design.family, design.n + TESTED[design.family], generator)
    elif design.family == "mixture_mlp":
        X, y = _mixture(design.n + TESTED[design.family], generator)
    else:
        X, y = _digits(generator)
    if not design.family.endswith("mlp"):
        X = X.reshape(-1, 1, 8, 8)
    wrong = torch.rand(len(y), generator=generator) < design.noise
    classes = int(y.max()) + 1
    noisy = torch.randint(0, classes, y.shape, generator=generator)
    y = torch.where(wrong, noisy, y)
    return X[: design.n], y[: design.n], X[design.n :], y[design.n :]


def _teacher(family: Family, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Labels drawn from the softmax of a random two-layer network."""
    inputs, classes = SIZES[family]
    width = TEACHER_WIDTHS[family]
    X = torch.randn(count, inputs, generator=generator, dtype=torch.float64)
    first = torch.randn(inputs, width, generator=generator, dtype=torch.float64)
    second = torch.randn(width, classes, generator=generator, dtype=torch.float64)
    logits = torch.tanh(X @ first / inputs**0.5) @ second
    return X, torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]


def _mixture(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each class is three overlapping unit Gaussians around centres drawn for this network."""
    inputs, classes = SIZES["mixture_mlp"]
    shape = (classes, CLUSTERS, inputs)
    centres = SPREAD * torch.randn(shape, generator=generator, dtype=torch.float64)
    y = torch.randint(0, classes, (count,), generator=generator)
    cluster = torch.randint(0, CLUSTERS, (count,), generator=generator)
    noise = torch.randn(count, inputs, generator=generator, dtype=torch.float64)
    return centres[y, cluster] + noise, y


@lru_cache
def _all_digits() -> tuple[Tensor, Tensor]:
    found = load_digits()
    return torch.tensor(found.data) / 16 - 0.3, torch.tensor(found.target)


def _digits(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    X, y = _all_digits()
    order = torch.randperm(len(y), generator=generator)
    return X[order], y[order]


def network(design: Design) -> nn.Module:
    """Untrained, in float64."""
    if design.family.endswith("mlp"):
        inputs, classes = SIZES.get(design.family, DIGITS)
        sizes = [inputs, *[design.width] * design.depth]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(sizes):
            layers += [nn.Linear(a, b), nn.Tanh() if design.seed % 2 else nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], classes)).double()
    w, norm = design.width, design.family == "digits_cnn_bn"
    block = [nn.Conv2d(1, w, 3, stride=2, padding=1), nn.BatchNorm2d(w), nn.ReLU()]
    block += [nn.Conv2d(w, w, 3, stride=2, padding=1), nn.BatchNorm2d(w), nn.ReLU()]
    kept = [m for m in block if norm or not isinstance(m, nn.BatchNorm2d)]
    return nn.Sequential(*kept, nn.Flatten(), nn.Linear(4 * w, 10)).double()


def trained(design: Design) -> tuple[Minimum, tuple[Tensor, Tensor]]:
    """The minimum, and its test set."""
    torch.manual_seed(design.seed)
    X, y, test_X, test_y = data(design)
    return prepare(fitted(design, X, y), X, y), (test_X, test_y)


def fitted(design: Design, X: Tensor, y: Tensor) -> nn.Module:
    """A network of the design, trained on these examples as it says."""
    model = network(design)
    (_lbfgs if design.optimizer == "lbfgs" else _sgd)(model, X, y, design)
    return model


def _lbfgs(model: nn.Module, X: Tensor, y: Tensor, design: Design) -> None:
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=design.iterations,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimizer.zero_grad()
        ridge = torch.stack([q.square().sum() for q in model.parameters()]).sum()
        loss = functional.cross_entropy(model(X), y) + design.weight_decay / 2 * ridge
        loss.backward()
        return float(loss.detach())

    optimizer.step(closure)


def _sgd(model: nn.Module, X: Tensor, y: Tensor, design: Design) -> None:
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=design.lr,
        momentum=design.momentum,
        weight_decay=design.weight_decay,
    )
    model.train()
    for _ in range(design.iterations):
        for at in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(X[at]), y[at]).backward()
            optimizer.step()
