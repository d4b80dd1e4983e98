"""How likely the gap of this very training set lies within a factor of the estimate.

An estimate is of the expected gap at its λ. Two things stand between it and the measured one, and
both are known in size (docs/mathematics.md, "Verdict"): the mean loss over n examples scatters by
sd(loss)/√n around that over the population, and a λ from a schedule is an equivalence, not a
measurement. gap = estimate·exp(−slope·ε) + scatter, ε and scatter normal.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

FACTOR = 2.0
# A jump between two points costs at most 0.4·2·WIDEST/POINTS = 0.0024 of probability.
WIDEST, POINTS = 6.0, 2001
# Root mean square error of log λ_eff from a schedule, measured on half of the gap study.
SCHEDULE_ERROR = 0.4


def chance_within(
    estimate: float,
    *,
    scatter: float,
    slope: float,
    schedule_error: float,
    factor: float = FACTOR,
) -> float:
    """P(estimate/factor ≤ gap ≤ factor·estimate) in [0, 1]; 0 for an estimate not above 0.

    scatter is the standard deviation of the gap around its expectation (nats), slope is
    d log ALO/d log λ, schedule_error the standard deviation of log λ (0 where λ is known).
    """
    if not estimate > 0:
        return 0.0
    nodes, weights = normal_grid()
    expected = estimate * np.exp(-slope * schedule_error * nodes)
    # The smallest positive number divides where nothing scatters, and ndtr(±∞) is 1 or 0.
    spread = max(scatter, np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        above = ndtr((factor * estimate - expected) / spread)
        below = ndtr((estimate / factor - expected) / spread)
    return float(weights @ (above - below))


def normal_grid() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the standard normal density: even steps, so that jumps do no harm."""
    nodes = np.linspace(-WIDEST, WIDEST, POINTS)
    density = np.exp(-0.5 * nodes**2)
    return nodes, density / density.sum()
