"""Agreement of estimates with measured gaps: rank correlations, errors, shares within a factor."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, pearsonr, spearmanr

FEWEST = 4


@dataclass(frozen=True)
class Agreement:
    """NaN where fewer than 4 networks have the value, or where a measure has no units of nats.

    log_pearson is over networks with both numbers positive; factors count an estimate as inside ×f
    if gap/f ≤ estimate ≤ f·gap, so an estimate of the wrong sign never is.
    """

    count: int
    tau: float
    rho: float
    log_pearson: float
    mean_absolute_error: float
    median_relative_error: float
    median_ratio: float
    within_1_5: float
    within_2: float


def agreement(values: Sequence[float | None], gaps: Sequence[float], *, nats: bool) -> Agreement:
    """Of one measure with the measured gaps, over the networks where it is known."""
    pairs = [
        (v, g) for v, g in zip(values, gaps, strict=True) if v is not None and math.isfinite(v)
    ]
    nan = math.nan
    if len(pairs) < FEWEST:
        return Agreement(len(pairs), nan, nan, nan, nan, nan, nan, nan, nan)
    v, g = np.array(pairs).T
    with warnings.catch_warnings():
        # A constant measure has no rank correlation: scipy says so, the table shows it as missing.
        warnings.simplefilter("ignore")
        tau, rho = float(kendalltau(v, g)[0]), float(spearmanr(v, g)[0])
        positive = (v > 0) & (g > 0)
        log_r = nan
        if positive.sum() >= FEWEST:
            log_r = float(pearsonr(np.log(v[positive]), np.log(g[positive]))[0])
    if not nats:
        return Agreement(len(pairs), tau, rho, log_r, nan, nan, nan, nan, nan)
    return Agreement(
        len(pairs),
        tau,
        rho,
        log_r,
        float(np.abs(v - g).mean()),
        float(np.median(np.abs(v / g - 1))),
        float(np.median(v / g)),
        _inside(v, g, 1.5),
        _inside(v, g, 2.0),
    )


def _inside(v: np.ndarray, g: np.ndarray, factor: float) -> float:
    return float(((v >= g / factor) & (v <= g * factor)).mean())
