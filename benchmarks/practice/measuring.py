"""What is computed of a trained network: the reference's numbers and the baselines'."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import entr
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from practice.case import Case
from practice.losses import criterion, plain, residuals
from practice.networks import Network
from practice.reference import Facts, estimates
from practice.stored import stored
from practice.training import shifted, trainable

SHARPNESS = 0.05  # rho of SAM's worst case
POWER_STEPS = 300


def jacobian(model: Network, X: Tensor) -> np.ndarray:
    """(n, K, p) derivatives of the logits by the trained parameters, in their order."""
    theta = {name: q.detach() for name, q in trainable(model).items()}

    def logits(theta: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(model, theta, (x[None],))[0]

    per_example = vmap(jacrev(logits), in_dims=(None, 0))
    parts = []
    for chunk in X.split(64):
        found = per_example(theta, chunk)
        parts.append(torch.cat([each.flatten(2) for each in found.values()], dim=2).detach())
    return torch.cat(parts).numpy()


def facts_of(case: Case, model: Network, arrays: dict[str, np.ndarray]) -> Facts:
    """What the reference needs to know of a stored network."""
    X, y = torch.from_numpy(arrays["X"]), arrays["y"]
    X = X.double() if X.is_floating_point() else X
    copies = shifted(X) if case.augmentation == "shift" else X[:, None]
    n, m = copies.shape[:2]
    flat_X, flat_y = copies.flatten(0, 1), np.repeat(y, m, axis=0)
    with torch.no_grad():
        f = model(flat_X).numpy()
    r, L = residuals(case, f, flat_y, arrays.get("weights"))
    J = jacobian(model, flat_X)
    K = f.shape[1]
    steps, moment = len(arrays["lrs"]), arrays.get("second_moment")
    theta = torch.cat([q.detach().reshape(-1) for q in trainable(model).values()]).numpy()
    return Facts(
        J=J.reshape(n, m * K, -1),
        f=f.reshape(n, m * K),
        r=r.reshape(n, m * K) / m,
        L=_blocks(L.reshape(n, m, K, K)) / m,
        theta=theta,
        decay=arrays["decay"],
        optimizer=case.optimizer,
        moment=None if moment is None else moment.astype(float) / (1 - 0.999**steps),
        T=float(arrays["lrs"].sum()) / (1 - case.momentum) if steps else None,
        squared_error=case.loss == "mse",
        copies=m,
    )


def seen_alone(case: Case, model: Network, arrays: dict[str, np.ndarray]) -> Facts | None:
    """Without the biases in front of a BatchNorm; None where there are none.

    In training no loss depends on them, in evaluation the outputs do.
    """
    hidden = hidden_biases(model)
    parts = [np.full(q.numel(), name not in hidden) for name, q in trainable(model).items()]
    seen = np.concatenate(parts)
    if seen.all():
        return None
    facts = facts_of(case, model, arrays)
    return replace(
        facts,
        J=facts.J[:, :, seen],
        theta=facts.theta[seen],
        decay=facts.decay[seen],
        moment=None if facts.moment is None else facts.moment[seen],
    )


def hidden_biases(model: Network) -> set[str]:
    """Names of biases whose layer is followed by a BatchNorm."""
    found = set()
    for name, group in model.named_modules():
        if isinstance(group, nn.Sequential):
            for (place, _), (_, after) in itertools.pairwise(group.named_children()):
                if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d):
                    found.add(f"{name}.{place}.bias")
    return found


def _blocks(L: np.ndarray) -> np.ndarray:
    """n × m × K × K to n × mK × mK, block diagonal."""
    n, m, K, _ = L.shape
    wide = np.zeros((n, m, K, m, K))
    for i in range(m):
        wide[:, i, :, i] = L[:, i]
    return wide.reshape(n, m * K, m * K)


def plain_loss(case: Case, y: np.ndarray, outputs: int):
    """The plain loss of each example as a function of its logits; of the first copy alone."""
    targets = torch.from_numpy(y)
    targets = targets.double() if targets.is_floating_point() else targets
    return lambda f: plain(case, torch.from_numpy(f[:, :outputs].copy()), targets).numpy()


def measured_reference(case: Case) -> dict[str, Any] | None:
    """The reference's numbers; None where the network is not trained."""
    found = stored(case)
    if found is None:
        return None
    model, arrays, facts = found
    began = time.process_time()
    numbers = estimates(
        facts_of(case, model, arrays), plain_loss(case, arrays["y"], facts["outputs"])
    )
    numbers["constant_loss"] = constant_loss(case, arrays["y"])
    own = seen_alone(case, model, arrays)
    if own is not None and not numbers["converged"]:
        numbers["seen"] = estimates(own, plain_loss(case, arrays["y"], facts["outputs"]))
    return {"name": case.name, **numbers, "cpu": round(time.process_time() - began, 2)}


def constant_loss(case: Case, y: np.ndarray) -> float:
    """Plain training loss of the best constant answer: the entropy or variance of the targets."""
    if case.loss == "mse":
        return float(y.var(axis=0).mean())
    if case.loss == "cross_entropy":
        shares = y.mean(axis=0) if y.ndim > 1 else np.bincount(y) / len(y)
        return float(entr(shares).sum())
    ups = y.reshape(len(y), -1).mean(axis=0)
    return float((entr(ups) + entr(1 - ups)).mean())


def baselines(case: Case) -> dict[str, Any] | None:
    """Peers that need a number each: sharpness, norms, the objective's largest eigenvalue."""
    found = stored(case)
    if found is None:
        return None
    model, arrays, facts = found
    X, y = torch.from_numpy(arrays["X"]), torch.from_numpy(arrays["y"])
    X = X.double() if X.is_floating_point() else X
    weights = arrays.get("weights")
    loss = criterion(case, None if weights is None else torch.from_numpy(weights).double())
    targets = y.double() if y.is_floating_point() else y

    def value() -> Tensor:
        return loss(model(X), targets)

    return {
        "name": case.name,
        "sam": _sam(model, value),
        "lambda_1": _largest(model, value),
        "norm": facts["norm"],
        "distance": facts["distance"],
        "p_over_n": facts["p"] / case.n,
    }


def _sam(model: Network, value) -> float:
    moved = list(trainable(model).values())
    before = value()
    gradient = torch.autograd.grad(before, moved)
    norm = torch.stack([g.square().sum() for g in gradient]).sum().sqrt() + 1e-12
    with torch.no_grad():
        for q, g in zip(moved, gradient, strict=True):
            q.add_(SHARPNESS * g / norm)
        after = value()
        for q, g in zip(moved, gradient, strict=True):
            q.sub_(SHARPNESS * g / norm)
    return float(after - before.detach())


def _largest(model: Network, value) -> float:
    """λ₁ of the Hessian of the trained loss, by power iteration."""
    moved = list(trainable(model).values())
    gradient = torch.autograd.grad(value(), moved, create_graph=True)
    generator = torch.Generator().manual_seed(0)
    v = [torch.randn(q.shape, generator=generator, dtype=q.dtype) for q in moved]
    size = 0.0
    for _ in range(POWER_STEPS):
        norm = torch.stack([x.square().sum() for x in v]).sum().sqrt()
        v = [x / norm for x in v]
        product = torch.autograd.grad(gradient, moved, grad_outputs=v, retain_graph=True)
        last, size = size, float(sum((a * b).sum() for a, b in zip(v, product, strict=True)))
        v = [x.detach() for x in product]
        if abs(size - last) < 1e-4 * abs(size):
            break
    return size
