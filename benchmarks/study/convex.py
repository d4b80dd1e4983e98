"""Convex models whose expected gap is known: softmax regression refitted on many resamples.

E[gap] at the regularised maximum-likelihood fit is the mean over fresh training sets of
(population loss − training loss); the mean of an estimate over training sets stands beside it, and
how often the intervals of single training sets held their own gap.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.interval import Interval
from minimascope.curvature.minimum.minimum import prepare

INPUTS, CLASSES = 6, 3
SIZES = (60, 120, 240)
RIDGES = (1e-3, 1e-2, 1e-1)
TRUTHS = ("well_specified", "quadratic")
RESAMPLES, ANALYSED, POPULATION = 200, 20, 20_000
ESTIMATES = ("alo_ggn", "tic_ggn", "soft_rank_ggn", "kfac_tic", "diagonal_soft_rank")


def convex_lines(*, skip: set[str]) -> Iterator[dict[str, Any]]:
    """One line for each truth, size and ridge that is not in `skip`."""
    for truth, n, ridge in itertools.product(TRUTHS, SIZES, RIDGES):
        name = f"{truth}/n{n}/wd{ridge:g}"
        if name not in skip:
            yield {"name": name, "truth": truth, "n": n, "weight_decay": ridge} | _measured(
                truth, n, ridge
            )


def _measured(truth: str, n: int, ridge: float) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    population = _sample(truth, POPULATION, generator)
    gaps: list[float] = []
    estimates: dict[str, list[float]] = {name: [] for name in ESTIMATES}
    verdicts: list[str] = []
    half: list[bool] = []
    ninety: list[bool] = []
    for index in range(RESAMPLES):
        X, y = _sample(truth, n, generator)
        theta = fitted(X, y, ridge)
        gaps.append(_loss(theta, *population) - _loss(theta, X, y))
        if index < ANALYSED:
            result = estimate_gap(_minimum(theta, X, y).trained(weight_decay=ridge))
            verdicts.append(result.verdict)
            if result.headline is not None:
                half.append(_inside(result.headline.half, gaps[-1]))
                ninety.append(_inside(result.headline.ninety, gaps[-1]))
            for name, values in estimates.items():
                values.append(result.estimates[name].value or math.nan)
    return {
        "gap": _mean(gaps),
        "estimates": {name: _mean(values) for name, values in estimates.items()},
        "half": sum(half) / max(len(half), 1),
        "ninety": sum(ninety) / max(len(ninety), 1),
        "verdicts": {each: verdicts.count(each) for each in sorted(set(verdicts))},
    }


def _inside(ends: Interval, gap: float) -> bool:
    """An interval that reaches 0 has no lower end."""
    return gap <= ends.high and (ends.low == 0 or gap >= ends.low)


def _mean(values: list[float]) -> dict[str, float]:
    each = torch.tensor(values)
    return {
        "mean": float(each.mean()),
        "standard_error": float(each.std()) / math.sqrt(len(values)),
    }


def _sample(truth: str, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    X = torch.randn(count, INPUTS, generator=generator, dtype=torch.float64)
    W = torch.linspace(-1.5, 1.5, INPUTS * CLASSES, dtype=torch.float64).view(CLASSES, INPUTS)
    W = W[:, torch.arange(INPUTS) * 5 % INPUTS].roll(1, dims=0)
    logits = X @ W.mT
    if truth == "quadratic":
        logits = logits + 1.5 * X[:, :CLASSES].square()
    return X, torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]


def fitted(X: Tensor, y: Tensor, ridge: float) -> Tensor:
    """(K × d+1) weights and bias at the minimum of mean loss + ridge/2 ‖θ‖², by Newton's method."""
    Z = torch.cat([X, torch.ones_like(X[:, :1])], dim=1)
    theta = Z.new_zeros(CLASSES, Z.shape[1])
    size = theta.numel()
    eye = torch.eye(size, dtype=Z.dtype)
    for _ in range(30):
        P = (Z @ theta.mT).softmax(dim=1)
        r = P - functional.one_hot(y, CLASSES)
        gradient = (r.mT @ Z / len(y) + ridge * theta).flatten()
        Lambda = torch.diag_embed(P) - P[:, :, None] * P[:, None, :]
        H = torch.einsum("nkl,ni,nj->kilj", Lambda, Z, Z).reshape(size, size) / len(y)
        step = torch.linalg.solve(H + ridge * eye, gradient)
        # Convex and self-concordant: a damped step cannot overshoot, and full ones end it.
        decrement = math.sqrt(float(gradient @ step) * len(y))
        theta = theta - (step / (1 + decrement * (decrement > 0.25))).view_as(theta)
        if decrement < 1e-10:
            break
    return theta


def _loss(theta: Tensor, X: Tensor, y: Tensor) -> float:
    return float(functional.cross_entropy(X @ theta[:, :-1].mT + theta[:, -1], y))


def _minimum(theta: Tensor, X: Tensor, y: Tensor) -> Any:
    network = nn.Linear(INPUTS, CLASSES).double()
    with torch.no_grad():
        network.weight.copy_(theta[:, :-1])
        network.bias.copy_(theta[:, -1])
    return prepare(network, X, y)
