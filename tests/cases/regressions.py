"""Softmax regressions in numpy: samples of a known truth, fitted, and their gap to fresh ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser, OptimizerName
from minimascope.objective.penalty import Penalty

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Drawn(NamedTuple):
    """A softmax regression fitted to a sample, and the gap to a large fresh sample."""

    minimum: Minimum
    X: Floats
    y: np.ndarray[Any, np.dtype[np.int64]]
    W: Floats
    gap: float


CLASSES, INPUTS = 3, 5


def losses(F: Floats, y: np.ndarray[Any, Any]) -> Floats:
    peak = F.max(1, keepdims=True)
    total: Floats = np.log(np.exp(F - peak).sum(1)) + peak[:, 0]
    return total - F[np.arange(len(y)), y]


def softmax(F: Floats) -> Floats:
    e = np.exp(F - F.max(1, keepdims=True))
    found: Floats = e / e.sum(1, keepdims=True)
    return found


N, FRESH = 120, 8000


def sample(seed: int) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(INPUTS, CLASSES))
    X = rng.normal(size=(N + FRESH, INPUTS))
    return X, (X @ truth + rng.gumbel(size=(len(X), CLASSES))).argmax(1)


def fitted(X: Floats, y: np.ndarray[Any, np.dtype[np.int64]], W: Floats) -> Drawn:
    network = nn.Linear(INPUTS, CLASSES, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.from_numpy(W.T))
    minimum = prepare(network, torch.from_numpy(X[:N]), torch.from_numpy(y[:N]))
    gap = float(losses(X[N:] @ W, y[N:]).mean() - losses(X[:N] @ W, y[:N]).mean())
    return Drawn(minimum, X[:N], y[:N], W, gap)


def curvatures(P: Floats) -> Floats:
    found: Floats = np.einsum("nk,kl->nkl", P, np.eye(CLASSES)) - P[:, :, None] * P[:, None]
    return found


def drawn(seed: int, *, ridge: float = 0.02) -> Drawn:
    """The exact minimum with weight decay, by Newton's method."""
    X, y = sample(seed)
    A, W = X[:N], np.zeros((INPUTS, CLASSES))
    size = W.size
    for _ in range(25):
        P = softmax(A @ W)
        g = A.T @ (P - np.eye(CLASSES)[y[:N]]) / N + ridge * W
        H = np.einsum("ni,nkl,nj->ikjl", A, curvatures(P), A).reshape(size, size) / N
        W = W - np.linalg.solve(H + ridge * np.eye(size), g.ravel()).reshape(W.shape)
    found = fitted(X, y, W)
    return found._replace(minimum=found.minimum.trained(weight_decay=ridge))


def at_minimum(seed: int) -> Drawn:
    case = drawn(seed)
    return case._replace(minimum=trained_by(case, "lbfgs"))


RATE, STEPS = 0.5, 120


def stopped(seed: int) -> Drawn:
    """By gradient descent without a penalty, stopped on the way."""
    X, y = sample(seed)
    A, W = X[:N], np.zeros((INPUTS, CLASSES))
    for _ in range(STEPS):
        W -= RATE * A.T @ (softmax(A @ W) - np.eye(CLASSES)[y[:N]]) / N
    found = fitted(X, y, W)
    objective = Objective(optimiser=Optimiser("sgd", lr=RATE, steps=STEPS), penalty=Penalty(0.0))
    return found._replace(minimum=replace(found.minimum, objective=objective))


def trained_by(case: Drawn, optimizer: OptimizerName | None) -> Minimum:
    objective = replace(case.minimum.objective, optimiser=Optimiser(optimizer))
    return replace(case.minimum, objective=objective)
