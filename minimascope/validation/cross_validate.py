"""`minimascope.cross_validate`: the gap by K-fold, with the user's own training function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from minimascope.objective.loss import Loss
from minimascope.validation.digests import as_array, digest_of
from minimascope.validation.examples import Examples, examples_of
from minimascope.validation.folds import Ints, fold_of, numbered
from minimascope.validation.losses import Callback, Given, loss_of, measured, named
from minimascope.validation.refusals import folds_impossible
from minimascope.validation.result import CrossValidation, Fold
from minimascope.validation.running import Progress, run_folds
from minimascope.validation.state import State


def cross_validate(
    fit: Callable[[Any], Any],
    data: Any,
    k: int = 5,
    *,
    loss: Given = "cross_entropy",
    seed: int = 0,
    stratify: Any = None,
    groups: Any = None,
    fit_on: Literal["data", "indices"] = "data",
    batch_size: int = 256,
    state: str | Path | None = None,
    progress: Progress | None = None,
) -> CrossValidation:
    """The generalization gap, measured: trains k times, each time with another n/k held out.

        def fit(train):
            X, y = train
            ...
            return network

        found = minimascope.cross_validate(fit, (X, y), k=5, state="folds.npz", progress=print)
        found.gap, found.standard_error, found.held_out_losses
        found.save("folds.json")     # for minimascope analyze --cross-validation folds.json

    Where k trainings can be afforded this is better than any estimate from curvature.

    fit: gets the training part of `data`, of the same kind ((X, y), or a torch Subset), or with
        `fit_on="indices"` the rows (m,) int64; returns a network, which is evaluated in evaluation
        mode on its own device, or a function from inputs to outputs. Train as you always do;
        torch's generator is seeded by seed and fold, so that a run gone on with is the same run.
    data: (X, y) of arrays or tensors, or a map-style dataset of (input, target). Losses are
        measured on it: without augmentation, please (with `fit_on="indices"` `fit` has its own).
    loss: a name (cross_entropy, binary, mse), a loss of `minimascope.objective`, or a function
        (outputs, targets) → loss of each example (m,).
    stratify: None: folds have equal shares of each class where targets are class numbers; labels
        (n,) of your own; "none".
    groups: (n,), copies of one original have one value and are held out together.
    state: a file (.npz) that keeps every finished fold; called again with it, a killed run goes on.
        Other data, folds or loss are refused; that `fit` is the same, nobody can check.
    progress: called with the fraction done and a sentence; `print` will do.

    Raises ProblemError folds_impossible, losses_unusable, state_differs, state_unreadable,
    cannot_write; what `fit` raises comes through, and finished folds are kept.
    """
    examples, asked = examples_of(data), loss_of(loss)
    if fit_on not in ("data", "indices"):
        raise folds_impossible(f"fit_on = {fit_on!r}: it is 'data' or 'indices'.")
    labels = _labels(stratify, examples, asked)
    split = fold_of(examples.n, k, seed=seed, labels=labels, groups=groups)

    def train(number: int, mine: Ints, others: Ints) -> Fold:
        with torch.random.fork_rng(devices=_devices()):
            torch.manual_seed(_seed(seed, number))
            model = fit(examples.part(mine) if fit_on == "data" else mine)
        return Fold(
            train=measured(model, examples, mine, asked, batch_size=batch_size),
            held_out=measured(model, examples, others, asked, batch_size=batch_size),
        )

    identity = {
        "data": examples.digest(),
        "split": digest_of(split),
        "k": int(k),
        "seed": int(seed),
        "loss": named(asked),
    }
    kept = State(None if state is None else Path(state).expanduser(), identity)
    folds = run_folds(split, train, state=kept, progress=progress)
    members = None if groups is None else numbered("groups", groups, examples.n)
    return CrossValidation(folds, split, named(asked), int(seed), members)


def _labels(stratify: Any, examples: Examples, loss: Loss | Callback) -> Any:
    if isinstance(stratify, str):
        if stratify != "none":
            raise folds_impossible(f"stratify = {stratify!r}: it is None, 'none' or labels (n,).")
        return None
    if stratify is not None:
        return stratify
    return class_labels(examples.targets(), loss)


def class_labels(targets: Any, loss: Loss | Callback | None = None) -> Any:
    """Targets that are class numbers (n,), else None."""
    if isinstance(loss, Loss) and not loss.classifies:
        return None
    found = as_array(targets)
    found = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
    whole = found.dtype.kind in "iub" or (isinstance(loss, Loss) and found.dtype.kind == "f")
    return found if found.ndim == 1 and whole else None


def _seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _devices() -> list[int]:
    """The GPU in use, if one is: looking at others would take memory on each of them."""
    return [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
