"""Calibration of class probabilities: reliability bins, ECE and the fitted temperature."""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from minimascope.objective.likelihood import Likelihood

BINS = 15
LOG_TEMPERATURE = (math.log(1e-2), math.log(1e2))


def reliability(likelihood: Likelihood) -> Tensor:
    """(15 × 3) count, mean confidence, accuracy over bins (b/15, (b+1)/15] of confidence.

    Empty bins hold NaN in the last two columns. Classification only.
    """
    confidence = likelihood.probabilities.amax(dim=1)
    edges = torch.arange(1, BINS, dtype=confidence.dtype, device=confidence.device) / BINS
    index = torch.bucketize(confidence, edges)
    table = confidence.new_zeros(BINS, 3)
    ones = torch.ones_like(confidence)
    for column, values in enumerate((ones, confidence, likelihood.correct.to(ones.dtype))):
        table[:, column].index_add_(0, index, values)
    table[:, 1:] /= table[:, :1]
    return table


def expected_calibration_error(bins: Tensor) -> float:
    """ECE = Σ_b n_b/n |accuracy_b − confidence_b| from the table of `reliability`."""
    count = bins[:, 0]
    gap = (bins[:, 2] - bins[:, 1]).abs().nan_to_num()
    return float((count * gap).sum() / count.sum())


def fitted_temperature(likelihood: Likelihood) -> float:
    """T that minimises the mean loss of logits/T; above 1 = over-confident.

    Searched in [0.01, 100]. Where the law has a variance of its own (mse), T is the one that
    minimises the Gaussian negative log-likelihood, mean (f − y)² in the units of the loss, the
    same thing for a likelihood raised to the power 1/T.
    """
    if likelihood.loss.varies:
        return likelihood.loss.dispersion(likelihood.logits, likelihood.targets)

    def loss(log_temperature: float) -> float:
        return float(likelihood.nll(likelihood.logits / math.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=LOG_TEMPERATURE, method="bounded", options={"xatol": 1e-8})
    return math.exp(float(found.x))
