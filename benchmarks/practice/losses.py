"""The losses of the study: as torch trains them, and their residuals and curvature in numpy.

Written apart from the product's, to be compared with it. The plain loss, whose gap is measured, has
neither smoothing nor weights. Shapes: logits f and residuals n × K, curvature n × K × K.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from practice.case import Case

Criterion = Callable[[Tensor, Tensor], Tensor]


def class_weights(case: Case, targets: Tensor, outputs: int) -> Tensor | None:
    """What is passed as `weight` or `pos_weight`: all classes count alike."""
    if not case.weighted:
        return None
    if case.loss == "cross_entropy":
        counts = torch.bincount(targets, minlength=outputs).clamp(min=1)
        return len(targets) / (outputs * counts.to(torch.float32))
    positive = targets.float().reshape(len(targets), -1).sum(dim=0).clamp(min=1)
    return (len(targets) - positive) / positive


def criterion(case: Case, weights: Tensor | None) -> Criterion:
    """torch's own loss of a batch of logits and targets."""
    if case.loss == "mse":
        return nn.MSELoss()
    if case.loss == "cross_entropy":
        return nn.CrossEntropyLoss(weight=weights, label_smoothing=case.smoothing)
    binary = nn.BCEWithLogitsLoss(pos_weight=weights)
    return lambda f, y: binary(f, y.reshape(f.shape).to(f.dtype))


def plain(case: Case, f: Tensor, y: Tensor) -> Tensor:
    """The plain loss of each example, (n,)."""
    if case.loss == "mse":
        return (f - y).square().mean(dim=1)
    if case.loss == "cross_entropy":
        return functional.cross_entropy(f, y.to(f.dtype) if y.ndim > 1 else y, reduction="none")
    each = functional.binary_cross_entropy_with_logits(
        f, y.reshape(f.shape).to(f.dtype), reduction="none"
    )
    return each.mean(dim=1)


def residuals(
    case: Case, f: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(r, Λ) of the loss trained, scaled so that the objective is their mean over examples."""
    n, K = f.shape
    if case.loss == "mse":
        return 2 * (f - y) / K, np.broadcast_to(2 * np.eye(K) / K, (n, K, K)).copy()
    if case.loss == "cross_entropy":
        return _softmax(case, f, y, weights)
    y = y.reshape(n, K)
    up = np.ones(K) if weights is None else weights.astype(np.float64)
    s = 1 / (1 + np.exp(-f))
    r = ((1 - y) * s - up * y * (1 - s)) / K
    return r, np.einsum("nk,kl->nkl", ((1 - y) + up * y) * s * (1 - s) / K, np.eye(K))


def _softmax(
    case: Case, f: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    n, K = f.shape
    w = np.ones(K) if weights is None else weights.astype(np.float64)
    one_hot = y.astype(np.float64) if y.ndim > 1 else np.eye(K)[y]
    mass = ((1 - case.smoothing) * one_hot + case.smoothing / K) * w
    if y.ndim == 1:  # torch divides by the weights of the classes, by n where labels are soft
        mass = mass * n / w[y].sum()
    P = np.exp(f - f.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    total = mass.sum(axis=1)
    curvature = np.einsum("nk,kl->nkl", P, np.eye(K)) - P[:, :, None] * P[:, None]
    return total[:, None] * P - mass, total[:, None, None] * curvature
