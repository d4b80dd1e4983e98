"""The estimator against the practice study's rule, written apart from it in numpy.

Untrained networks do: both take weights, data, learning rates and second moments as they come.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from minimascope.curvature.gap.estimate import estimate_gap

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
PLAIN: dict[str, Any] = {
    "name": "none",
    "half": "oracle",
    "seed": 3,
    "data": "teacher",
    "n": 24,
    "noise": 0.0,
    "imbalanced": False,
    "architecture": "mlp",
    "width": 5,
    "depth": 1,
    "activation": "tanh",
    "dropout": 0.0,
    "loss": "cross_entropy",
    "smoothing": 0.0,
    "weighted": False,
    "annotators": 0,
    "augmentation": "none",
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "schedule": "step",
    "weight_decay": 0.01,
    "decay_on": "all",
    "batch": 8,
    "epochs": 1,
    "rho": 0.0,
    "frozen": False,
}
CASES: dict[str, dict[str, Any]] = {
    "sgd, smoothing": {"smoothing": 0.1},
    "adam, class weights": {"optimizer": "adam", "momentum": 0.0, "weighted": True},
    "adamw, soft labels": {"optimizer": "adamw", "momentum": 0.0, "annotators": 3},
    "adamw, decay on matrices": {"optimizer": "adamw", "momentum": 0.0, "decay_on": "matrices"},
    "several labels, weighted": {"loss": "multilabel", "weighted": True},
    "binary": {"loss": "binary", "weighted": True},
    "torch's squared error": {"loss": "mse", "optimizer": "adamw", "momentum": 0.0},
    "adam, BatchNorm": {"optimizer": "adam", "momentum": 0.0, "architecture": "bn_mlp", "n": 40},
    "BatchNorm of images": {"architecture": "bn_cnn", "width": 2, "decay_on": "matrices", "n": 20},
    "shifted copies": {"architecture": "cnn", "width": 2, "augmentation": "shift", "n": 10},
}


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "practice"]:
        del sys.modules[name]


def data(facts: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    n, image = facts["n"], facts["architecture"] in ("cnn", "bn_cnn")
    X = rng.normal(size=(n, 1, 6, 6) if image else (n, 4))
    match facts["loss"]:
        case "binary":
            return X, rng.integers(0, 2, n), 1
        case "multilabel":
            return X, rng.integers(0, 2, (n, 3)).astype(float), 3
        case "mse":
            return X, rng.normal(size=(n, 2)), 2
    votes = np.eye(3)[rng.integers(0, 3, (facts["annotators"] or 1, n))].mean(axis=0)
    return X, votes if facts["annotators"] else votes.argmax(axis=1), 3


@pytest.mark.parametrize("name", CASES)
def test_estimates_equal_the_practice_rule(name: str) -> None:
    from practice.case import Case
    from practice.losses import class_weights
    from practice.measuring import constant_loss, facts_of, plain_loss, seen_alone
    from practice.networks import network
    from practice.product import minimum_of
    from practice.reference import estimates
    from practice.rule import BRACKETED, judged
    from practice.training import decays, trainable

    case = Case(**{**PLAIN, **CASES[name]})
    rng = np.random.default_rng(1)
    X, y, outputs = data(PLAIN | CASES[name], rng)
    model = network(case, X.shape[1:], outputs).double().eval()
    sizes = {key: q.numel() for key, q in trainable(model).items()}
    weights = class_weights(case, torch.from_numpy(y), outputs)
    penalty = decays(case, model)
    arrays: dict[str, np.ndarray] = {
        "X": X,
        "y": y,
        "lrs": np.full(40, 0.1),
        "decay": np.concatenate([np.full(sizes[key], penalty[key]) for key in sizes]),
    }
    if weights is not None:
        arrays["weights"] = weights.numpy()
    if case.optimizer != "sgd":
        arrays["second_moment"] = rng.uniform(0.1, 2.0, sum(sizes.values())) ** 2 * 1e-3
    facts = seen_alone(case, model, arrays) or facts_of(case, model, arrays)
    expected = estimates(facts, plain_loss(case, y, outputs))
    expected["constant_loss"] = constant_loss(case, y)
    found = estimate_gap(minimum_of(case, model, arrays))
    assert found.estimates["alo_ggn"].value == pytest.approx(expected["ridge"], rel=1e-9)
    assert found.estimates["soft_rank_ggn"].value == pytest.approx(expected["soft_rank"], rel=1e-9)
    assert found.estimates["tic_ggn_uncentred"].value == pytest.approx(
        expected["tic_first"], rel=1e-9
    )
    assert found.estimates["alo_filter"].value == pytest.approx(expected["filter"], rel=1e-8)
    told = judged(
        expected | {"tic": expected["tic_first"]},
        case.optimizer,
        squared_error=case.loss == "mse",
        smoothed=case.smoothed,
        rule=BRACKETED,
    )
    assert found.verdict == told.verdict
    if told.m is not None:
        assert found.headline is not None
        # The temperatures come from a grid here, and from a search there.
        assert found.headline.value == pytest.approx(told.m, rel=0.02)
        assert found.headline.sigma == pytest.approx(told.sigma)
