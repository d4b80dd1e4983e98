"""Training and test sets: drawn by the seed of a case from real and synthetic data alike.

Label noise, imbalance and annotators' votes are in training and test set both: the gap of a network
tested on other labels than it was trained on is a different quantity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from practice.case import Case
from practice.real import REAL
from practice.synthetic import SYNTHETIC

TESTED = 20_000  # examples a synthetic gap is measured on
PRETRAINED = 300  # other examples that a frozen body was trained on
IMBALANCE = 0.4  # the rarest class is kept with this chance


@dataclass(frozen=True)
class Split:
    """Float32 or integer inputs; targets as the loss takes them. `other` is for frozen bodies."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    other: tuple[Tensor, Tensor]
    outputs: int


def split(case: Case) -> Split:
    """The data of a case; the three parts share no example."""
    rng = np.random.default_rng(case.seed)
    X, y, outputs = _examples(case, rng)
    if case.imbalanced:
        X, y = _thinned(X, y, outputs, rng)
    y = _labels(case, y, outputs, rng)
    inputs, targets = _tensor(X), _tensor(y)
    spare = PRETRAINED if case.frozen else 0
    a, b = case.n, case.n + spare
    rows = [slice(0, a), slice(b, len(X)), slice(a, b)]
    train, test, other = ((inputs[at], targets[at]) for at in rows)
    return Split(train, test, other, outputs)


def _examples(case: Case, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    if case.data in SYNTHETIC:
        count = case.n + PRETRAINED + TESTED * (2 if case.imbalanced else 1)
        return SYNTHETIC[case.data](count, rng)
    X, y, outputs = REAL[case.data]()
    order = rng.permutation(len(X))
    return X[order], y[order], outputs


def _thinned(
    X: np.ndarray, y: np.ndarray, outputs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    keep = np.linspace(1.0, IMBALANCE, outputs)[rng.permutation(outputs)]
    kept = rng.random(len(y)) < keep[y]
    return X[kept], y[kept]


def _labels(case: Case, y: np.ndarray, outputs: int, rng: np.random.Generator) -> np.ndarray:
    if case.loss == "mse":
        return y + case.noise * rng.normal(size=y.shape)
    if case.loss == "multilabel":
        return np.where(rng.random(y.shape) < case.noise, rng.integers(0, 2, y.shape), y)
    if case.annotators:
        return np.mean(
            [np.eye(outputs)[_noisy(y, 0.25, outputs, rng)] for _ in range(case.annotators)], axis=0
        )
    return _noisy(y, case.noise, max(outputs, 2), rng)


def _noisy(y: np.ndarray, share: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(y)) < share, rng.integers(0, classes, len(y)), y)


def _tensor(values: np.ndarray) -> Tensor:
    whole = values.dtype.kind in "iu"
    return torch.tensor(values, dtype=torch.int64 if whole else torch.float32)
