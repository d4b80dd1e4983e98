"""Trains one network of the list, as its case says, from its seed alone."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from practice.case import Case
from practice.data import Split, split
from practice.losses import Criterion, class_weights, criterion
from practice.networks import HEAD, Network, network

SNAPSHOTS = 8  # of a trajectory by SGD, its end included
BODY = {"optimizer": "adamw", "lr": 3e-3, "weight_decay": 0.01, "epochs": 60, "batch": 32}
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass
class Trained:
    """A trained network with all that a user could tell of its training.

    `lrs` one a step; `second_moment` is exp_avg_sq over the trainable parameters, flat.
    """

    case: Case
    network: Network
    data: Split
    weights: Tensor | None
    start: Tensor
    lrs: list[float] = field(default_factory=list)
    second_moment: Tensor | None = None
    snapshots: list[Tensor] = field(default_factory=list)
    seconds: float = 0.0


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """What was trained, by name."""
    return {name: q for name, q in model.named_parameters() if q.requires_grad}


def flat(model: nn.Module) -> Tensor:
    """A copy of what was trained, (p,)."""
    return torch.cat([q.detach().reshape(-1).clone() for q in trainable(model).values()])


def decays(case: Case, model: nn.Module) -> dict[str, float]:
    """Weight decay of each trainable parameter, by name."""
    kept = {name: case.decay_on == "all" or q.ndim > 1 for name, q in trainable(model).items()}
    return {name: case.weight_decay if decayed else 0.0 for name, decayed in kept.items()}


def trained(case: Case) -> Trained:
    """Trains from nothing; evaluation mode afterwards."""
    began = time.process_time()
    data = split(case)
    model = network(case, data.train[0].shape[1:], data.outputs)
    if case.frozen:
        _freeze(case, model, data)
    weights = class_weights(case, data.train[1], data.outputs)
    if case.optimizer == "lbfgs":
        model, weights = model.double(), None if weights is None else weights.double()
    result = Trained(case, model, data, weights, start=flat(model))
    fit = _to_a_minimum if case.optimizer == "lbfgs" else _by_steps
    fit(result, criterion(case, weights))
    model.eval()
    result.seconds = time.process_time() - began
    return result


def _freeze(case: Case, model: Network, data: Split) -> None:
    """Trains the whole network on other examples, then starts the head anew and keeps the body."""
    facts = replace(case, **BODY, frozen=False, rho=0.0, schedule="cosine", augmentation="none")
    before = {name: q.detach().clone() for name, q in model.head.named_parameters()}
    plain = replace(facts, smoothing=0.0, weighted=False)
    _by_steps(
        Trained(plain, model, replace(data, train=data.other), None, flat(model)),
        criterion(plain, None),
    )
    model.head.load_state_dict(before)
    for name, q in model.named_parameters():
        q.requires_grad_(name.startswith(HEAD))


def _to_a_minimum(result: Trained, loss: Criterion) -> None:
    X, y = (_double(part) for part in result.data.train)
    model, penalty = result.network.eval(), decays(result.case, result.network)
    optimizer = torch.optim.LBFGS(
        list(trainable(model).values()),
        max_iter=result.case.epochs,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        ridge = sum(penalty[name] * q.square().sum() for name, q in trainable(model).items()) / 2
        value = loss(model(X), y) + ridge
        value.backward()
        return value.detach()

    optimizer.step(closure)


def _double(part: Tensor) -> Tensor:
    return part.double() if part.is_floating_point() else part


def _by_steps(result: Trained, loss: Criterion) -> None:
    case, model = result.case, result.network
    X, y = result.data.train
    copies = shifted(X) if case.augmentation == "shift" else X[:, None]
    steps = case.epochs * -(-len(X) // case.batch)
    optimizer = _optimizer(case, model)
    generator = torch.Generator().manual_seed(case.seed)
    _train_mode(case, model)
    for step in range(steps):
        if step % -(-len(X) // case.batch) == 0:
            batches = iter(torch.randperm(len(X), generator=generator).split(case.batch))
        at = next(batches)
        lr = case.lr * _factor(case, step / steps)
        for group in optimizer.param_groups:
            group["lr"] = lr
        copy = torch.randint(0, copies.shape[1], at.shape, generator=generator)
        if len(at) > 1 or not _normalises(model):  # as with drop_last, where one is left over
            _step(case, model, optimizer, loss, copies[at, copy], y[at])
            result.lrs.append(lr)
        if case.optimizer == "sgd" and (step + 1) * SNAPSHOTS % steps < SNAPSHOTS:
            result.snapshots.append(flat(model))
    result.second_moment = _second_moment(optimizer, model)


def _normalises(model: nn.Module) -> bool:
    return any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.modules())


def _train_mode(case: Case, model: Network) -> None:
    model.train()
    if case.frozen:
        model.body.eval()


def _optimizer(case: Case, model: nn.Module) -> torch.optim.Optimizer:
    penalty = decays(case, model)
    kinds = sorted(set(penalty.values()))
    groups = [
        {
            "params": [q for name, q in trainable(model).items() if penalty[name] == wd],
            "weight_decay": wd,
        }
        for wd in kinds
    ]
    if case.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=case.lr, momentum=case.momentum)
    kind = torch.optim.AdamW if case.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=case.lr)


def _factor(case: Case, share: float) -> float:
    """Of the learning rate, after `share` of all steps."""
    match case.schedule:
        case "constant":
            return 1.0
        case "step":
            return 1.0 if share < 0.5 else 0.1 if share < 0.75 else 0.01
        case "linear":
            return 1.0 - share
        case "warmup_cosine" if share < 0.1:
            return max(share, 1e-3) / 0.1
    return 0.5 * (1 + math.cos(math.pi * share))


def _step(
    case: Case,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Criterion,
    X: Tensor,
    y: Tensor,
) -> None:
    optimizer.zero_grad()
    loss(model(X), y).backward()
    if case.rho > 0:
        _climbed(case.rho, model, lambda: loss(model(X), y), optimizer)
    optimizer.step()


def _climbed(rho: float, model: nn.Module, loss, optimizer: torch.optim.Optimizer) -> None:
    """Replaces the gradient by the one rho uphill: sharpness-aware minimisation."""
    moved = [q for q in trainable(model).values() if q.grad is not None]
    norm = torch.stack([q.grad.square().sum() for q in moved]).sum().sqrt() + 1e-12
    uphill = [rho * q.grad / norm for q in moved]
    with torch.no_grad():
        for q, e in zip(moved, uphill, strict=True):
            q.add_(e)
    optimizer.zero_grad()
    loss().backward()
    with torch.no_grad():
        for q, e in zip(moved, uphill, strict=True):
            q.sub_(e)


def _second_moment(optimizer: torch.optim.Optimizer, model: nn.Module) -> Tensor | None:
    states = [optimizer.state[q] for q in trainable(model).values()]
    if not all("exp_avg_sq" in state for state in states):
        return None
    return torch.cat([state["exp_avg_sq"].reshape(-1) for state in states])


def shifted(X: Tensor) -> Tensor:
    """n × 5 × ...: as it is, and by one pixel each way, zeros coming in."""
    wide = nn.functional.pad(X, (1, 1, 1, 1))
    h, w = X.shape[-2:]
    return torch.stack([wide[..., 1 + a : 1 + a + h, 1 + b : 1 + b + w] for a, b in SHIFTS], dim=1)


def second_moment_corrected(result_moment: np.ndarray, steps: int, beta: float = 0.999):
    """v̂ = exp_avg_sq/(1 − β₂ᵗ)."""
    return result_moment / (1 - beta**steps)
