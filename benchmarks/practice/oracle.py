"""Leave-one-out by training again: what the per-example estimates are estimates of.

Full-batch training from the same start with the same learning rates, in float64, once with all
examples and once without each; an example left out has weight 0, the others keep 1/W. Networks
brought to a minimum go on from there without the example, to the minimum nearby.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from practice.case import Case
from practice.losses import criterion, plain
from practice.measuring import facts_of, plain_loss
from practice.networks import Network
from practice.reference import converged, eigen, leave_one_out, metric
from practice.stored import stored
from practice.training import decays, trainable

Stacked = dict[str, Tensor]
WITHOUT_ITERATIONS = 300


def retrained(case: Case) -> dict[str, Any] | None:
    """One line: each example's true rise, and the reference's, ridge and filter."""
    found = stored(case)
    if found is None:
        return None
    began = time.process_time()
    model, arrays, facts = found
    X, y = torch.from_numpy(arrays["X"]).double(), torch.from_numpy(arrays["y"])
    weights = torch.from_numpy(arrays["weights"]).double() if "weights" in arrays else None
    task = _Task(case, model, X, y, weights)
    again = task.minima() if case.optimizer == "lbfgs" else task.trainings(arrays)
    true = task.rises(again)
    task.load({name: values[-1] for name, values in again.items()})
    estimated = _estimated(case, model, arrays, facts["outputs"])
    return {
        "name": case.name,
        "true": true.tolist(),
        **{name: values.tolist() for name, values in estimated.items()},
        "cpu": round(time.process_time() - began, 1),
    }


def _estimated(
    case: Case, model: Network, arrays: dict[str, np.ndarray], outputs: int
) -> dict[str, np.ndarray]:
    facts, nll = facts_of(case, model, arrays), plain_loss(case, arrays["y"], outputs)
    D, P = metric(facts)
    T = None if converged(facts, P)[0] else facts.T
    mu, Z = eigen(facts, D, P)
    if T is None:
        return {"ridge": leave_one_out(facts, Z, 1 / mu, nll).each}
    weights = {"ridge": 1 / (mu + 1 / T), "filter": -np.expm1(-mu * T) / mu}
    return {name: leave_one_out(facts, Z, w, nll).each for name, w in weights.items()}


def trained_loss(case: Case, f: Tensor, y: Tensor, weights: Tensor | None) -> Tensor:
    """The trained loss of each example (..., n), whose sum is the criterion's mean.

    f is (..., n, K): any number of networks at once.
    """
    n, K = f.shape[-2:]
    if case.loss == "cross_entropy":
        logs = functional.log_softmax(f, dim=-1)
        w = torch.ones(K, dtype=f.dtype) if weights is None else weights
        one_hot = y.to(f.dtype) if y.ndim > 1 else functional.one_hot(y, K).to(f.dtype)
        mass = ((1 - case.smoothing) * one_hot + case.smoothing / K) * w
        return -(mass * logs).sum(dim=-1) / (n if y.ndim > 1 else w[y].sum())
    if case.loss == "mse":
        return (f - y).square().mean(dim=-1) / n
    y = y.reshape(n, K).to(f.dtype).expand_as(f)
    each = functional.binary_cross_entropy_with_logits(f, y, reduction="none", pos_weight=weights)
    return each.mean(dim=-1) / n


class _Task:
    """n + 1 trainings: without each example in turn, and last with all."""

    def __init__(
        self, case: Case, model: Network, X: Tensor, y: Tensor, weights: Tensor | None
    ) -> None:
        self.case, self.model, self.X, self.y, self.weights = case, model, X, y, weights
        n = len(X)
        self.kept = torch.cat([1 - torch.eye(n), torch.ones(1, n)]).double()
        self.penalty = decays(case, model)
        total = criterion(case, weights)(model(X), y)
        assert torch.allclose(trained_loss(case, model(X), y, weights).sum(), total, rtol=1e-9)

    def load(self, values: Stacked) -> None:
        """Puts one network's parameters in place."""
        with torch.no_grad():
            for name, q in trainable(self.model).items():
                q.copy_(values[name])

    def logits(self, values: Stacked) -> Tensor:
        """(networks, n, K)."""
        return vmap(lambda one: functional_call(self.model, one, (self.X,)))(values)

    def rises(self, again: Stacked) -> Tensor:
        """By how much each example's plain loss is higher where it was left out."""
        f = self.logits(again).detach()
        n = len(self.X)
        out = plain(self.case, f[torch.arange(n), torch.arange(n)], self.y)
        return out - plain(self.case, f[-1], self.y)

    def trainings(self, arrays: dict[str, np.ndarray]) -> Stacked:
        """All at once: optimisers act on each number alone, so they take stacked parameters."""
        values, at = {}, 0
        start = torch.from_numpy(arrays["start"]).double()
        for name, q in trainable(self.model).items():
            one = start[at : at + q.numel()].reshape(q.shape)
            values[name] = nn.Parameter(one.expand(len(self.kept), *q.shape).clone())
            at += q.numel()
        optimizer = self._optimizer(values)
        for lr in arrays["lrs"]:
            for group in optimizer.param_groups:
                group["lr"] = float(lr)
            optimizer.zero_grad()
            loss = trained_loss(self.case, self.logits(values), self.y, self.weights)
            (self.kept * loss).sum().backward()
            optimizer.step()
        return {name: q.detach() for name, q in values.items()}

    def _optimizer(self, values: Stacked) -> torch.optim.Optimizer:
        groups = [{"params": [q], "weight_decay": self.penalty[name]} for name, q in values.items()]
        if self.case.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=0.1, momentum=self.case.momentum)
        kind = torch.optim.AdamW if self.case.optimizer == "adamw" else torch.optim.Adam
        return kind(groups, lr=0.1)

    def minima(self) -> Stacked:
        """One after another, each from the minimum with all examples."""
        whole = {name: q.detach().clone() for name, q in trainable(self.model).items()}
        found = []
        for kept in self.kept:
            self.load(whole)
            self._descend(kept)
            found.append({n: q.detach().clone() for n, q in trainable(self.model).items()})
        return {name: torch.stack([one[name] for one in found]) for name in whole}

    def _descend(self, kept: Tensor) -> None:
        moved = trainable(self.model)
        optimizer = torch.optim.LBFGS(
            list(moved.values()),
            max_iter=WITHOUT_ITERATIONS,
            history_size=50,
            tolerance_grad=1e-8,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = trained_loss(self.case, self.model(self.X), self.y, self.weights)
            ridge = sum(self.penalty[name] * q.square().sum() for name, q in moved.items()) / 2
            value = (kept * loss).sum() + ridge
            value.backward()
            return value.detach()

        optimizer.step(closure)
