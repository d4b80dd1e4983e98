"""The product's own answer for a trained network, told all that its trainer knows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import TorchMse
from minimascope.objective.loss import Loss
from minimascope.objective.multilabel import MultiLabel
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser, bias_corrected
from minimascope.objective.penalty import Penalty
from practice.case import Case
from practice.networks import Network
from practice.stored import stored
from practice.training import shifted, trainable

BETA_2 = 0.999  # torch's own


def answered(case: Case) -> dict[str, Any] | None:
    """One line: verdict, estimate and scatter, and what the verdict looked at."""
    found = stored(case)
    if found is None:
        return None
    model, arrays, _ = found
    began = time.process_time()
    result = estimate_gap(minimum_of(case, model, arrays))
    return {
        "name": case.name,
        **_numbers(result),
        "route": result.route,
        "cpu": round(time.process_time() - began, 2),
    }


def minimum_of(case: Case, model: Network, arrays: dict[str, np.ndarray]) -> Minimum:
    """Network, data and objective as a person would hand them in."""
    X, y = torch.from_numpy(arrays["X"]), torch.from_numpy(arrays["y"])
    groups = None
    if case.augmentation == "shift":
        copies = shifted(X)
        groups = torch.arange(len(X)).repeat_interleave(copies.shape[1])
        X, y = copies.flatten(0, 1), y.repeat_interleave(copies.shape[1], dim=0)
    objective = Objective(
        loss_of(case, arrays.get("weights")),
        Penalty(case.weight_decay, on=case.decay_on),
        optimiser_of(case, model, arrays),
        augmentation=case.augmentation != "none",
        dropout=case.dropout > 0,
    )
    minimum = prepare(model, X, y, loss=objective)
    return minimum if groups is None else _grouped(minimum, groups)


def _grouped(minimum: Minimum, groups: Tensor) -> Minimum:
    return Minimum(minimum.network, minimum.inputs, minimum.targets, minimum.objective, groups)


def loss_of(case: Case, weights: np.ndarray | None) -> Loss:
    """The loss trained, as the product names it."""
    told = None if weights is None else tuple(float(w) for w in weights)
    match case.loss:
        case "cross_entropy":
            return CrossEntropy(label_smoothing=case.smoothing, class_weights=told)
        case "binary":
            return Binary(pos_weight=None if told is None else told[0])
        case "multilabel":
            return MultiLabel(pos_weight=told)
    return TorchMse()


def optimiser_of(case: Case, model: Network, arrays: dict[str, np.ndarray]) -> Optimiser:
    """Name, sum of the true learning rates, momentum; Adam's second moments by parameter."""
    if case.optimizer == "lbfgs":
        return Optimiser("lbfgs")
    moments, at = None, 0
    if "second_moment" in arrays:
        flat = torch.from_numpy(arrays["second_moment"]).double()
        moments = {}
        for name, q in trainable(model).items():
            own = flat[at : at + q.numel()].reshape(q.shape)
            moments[name] = bias_corrected(own, BETA_2, len(arrays["lrs"]))
            at += q.numel()
    return Optimiser(
        case.optimizer,
        lr=case.lr,
        momentum=case.momentum,
        steps=len(arrays["lrs"]),
        lr_sum=float(arrays["lrs"].sum()),
        batch_size=case.batch,
        second_moment=moments,
    )


def _numbers(result: GapResult) -> dict[str, Any]:
    values = {name: each.value for name, each in result.estimates.items()}
    told, headline = result.diagnostics, result.headline
    return {
        "verdict": result.verdict,
        "m": None if headline is None else headline.value,
        "s": None if headline is None else headline.scatter,
        "sigma": None if headline is None else headline.sigma,
        "half": None if headline is None else headline.half,
        "ninety": None if headline is None else headline.ninety,
        "at_least": result.at_least,
        "converged": bool(result.converged),
        "gradient_ratio": result.gradient_share,
        "ridge": values.get("alo_ggn"),
        "filter": values.get("alo_filter"),
        "tic": values.get("tic_ggn_uncentred"),
        "soft_rank": values.get("soft_rank_ggn"),
        "temperature": told["t_alo"],
        "top_share": told["top5_share"],
        "reason": result.reason,
    }
