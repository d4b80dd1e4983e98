"""Every loss with every option it can have, as cases: value, network width, and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian, TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.tokens import TokenCrossEntropy
from minimascope.objective.weighted import Weighted, with_weights

WEIGHTS = (0.2, 1.0, 3.0, 0.7)


@dataclass(frozen=True)
class Case:
    """A loss for networks of `outputs` logits, and how n targets are made for it."""

    loss: Loss
    outputs: int
    targets: Callable[[int], Tensor]

    def ready(self, n: int, *, seed: int = 0) -> tuple[Loss, Tensor, Tensor]:
        """The loss normalised for its n targets, logits (n × K) and those targets."""
        torch.manual_seed(seed)
        f, y = torch.randn(n, self.outputs, dtype=torch.float64), self.targets(n)
        return self.loss.of_data(y), f, y


def labels(n: int) -> Tensor:
    return torch.arange(n) % 4


def bits(n: int) -> Tensor:
    return torch.arange(n) % 2


def soft(n: int) -> Tensor:
    return torch.randn(n, 4, dtype=torch.float64).softmax(1)


def several(n: int) -> Tensor:
    return (torch.rand(n, 3) < 0.4).double()


def numbers(n: int) -> Tensor:
    return torch.randn(n, 3, dtype=torch.float64)


def positions(n: int) -> Tensor:
    """Labels of three positions, each label at each; some count for nothing, one has none."""
    y = torch.arange(3 * n).reshape(n, 3) % 4
    y[1, 2] = y[5, 0] = y[4] = -100
    return y


def weighted(targets: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    return lambda n: with_weights(targets(n), torch.linspace(0, 2, n, dtype=torch.float64))


CASES: dict[str, Case] = {
    "cross entropy": Case(CrossEntropy(), 4, labels),
    "smoothed": Case(CrossEntropy(label_smoothing=0.1), 4, labels),
    "class weights": Case(CrossEntropy(class_weights=WEIGHTS), 4, labels),
    "smoothed with class weights": Case(CrossEntropy(0.2, WEIGHTS), 4, labels),
    "soft labels": Case(CrossEntropy(), 4, soft),
    "soft labels smoothed with class weights": Case(CrossEntropy(0.2, WEIGHTS), 4, soft),
    "binary": Case(Binary(), 1, bits),
    "binary with pos_weight": Case(Binary(2.5), 1, bits),
    "several labels": Case(MultiLabel(), 3, several),
    "several labels with pos_weight": Case(MultiLabel((0.5, 1.0, 4.0)), 3, several),
    "one of several labels": Case(MultiLabel((3.0,)), 1, bits),
    "squares": Case(Gaussian(), 3, numbers),
    "torch's squares": Case(TorchMse(), 3, numbers),
    "positions": Case(TokenCrossEntropy(), 12, positions),
    "positions smoothed with class weights": Case(
        TokenCrossEntropy(CrossEntropy(0.2, WEIGHTS)), 12, positions
    ),
    "weighted labels": Case(Weighted(CrossEntropy(0.1, WEIGHTS)), 4, weighted(labels)),
    "weighted soft labels": Case(Weighted(CrossEntropy(), "rows"), 4, weighted(soft)),
    "weighted squares": Case(Weighted(TorchMse(), "rows"), 3, weighted(numbers)),
    "weighted binary": Case(Weighted(Binary(2.5)), 1, weighted(bits)),
}
