"""λ_eff: the ridge that training amounts to, and the λ at which the curves are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

POINTS = 25
DECADES = 2.0
UNKNOWN_RANGE = (1e-6, 1.0)
STEP = 0.05


@dataclass(frozen=True)
class Damping:
    """λ_eff (None if unknown), where it comes from, and whether it is the weight decay alone."""

    value: float | None
    source: str
    pure_weight_decay: bool = False


def effective_damping(
    *,
    weight_decay: float | None,
    lr: float | None,
    momentum: float | None,
    steps: int | None,
) -> Damping:
    """wd at a converged L2 minimum; wd + (1 − momentum)/(lr·steps) after SGD of constant lr.

    Raises ValueError on negative or non-finite arguments.
    """
    _check(weight_decay=weight_decay, lr=lr, momentum=momentum, steps=steps)
    if lr is not None and steps is not None:
        early = (1 - (momentum or 0.0)) / (lr * steps)
        decay = weight_decay or 0.0
        sentence = (
            f"λ_eff = weight decay {decay:g} + (1 − momentum)/(lr·steps) = {decay + early:.4g}, "
            "for SGD with a constant learning rate."
        )
        return Damping(decay + early, sentence)
    if weight_decay is not None and weight_decay > 0:
        sentence = f"λ_eff = weight decay {weight_decay:g}, for a converged L2-regularised minimum."
        return Damping(weight_decay, sentence, pure_weight_decay=True)
    known = "Weight decay is 0" if weight_decay == 0 else "The weight decay is not known"
    advice = (
        "give lr, momentum and steps"
        if weight_decay == 0
        else ("give the optimiser's weight decay, or lr, momentum and steps")
    )
    return Damping(
        None,
        f"{known} and no training schedule was given, so λ is unknown: {advice} to get a "
        "headline number.",
    )


def _check(**given: float | None) -> None:
    for name, value in given.items():
        if value is None:
            continue
        if not math.isfinite(value) or value < 0 or (name in ("lr", "steps") and value == 0):
            raise ValueError(f"{name} = {value} is not a usable value.")
        if name == "momentum" and value >= 1:
            raise ValueError(f"momentum = {value} must be below 1.")


def lambda_grid(lambda_eff: float | None, requested: Sequence[float]) -> list[float]:
    """Ascending λ of the curves: 25 log-spaced ones and exactly the requested ones."""
    for value in requested:
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"λ = {value} must be positive and finite.")
    if lambda_eff is None:
        spaced = np.geomspace(*UNKNOWN_RANGE, POINTS).tolist()
    else:
        exponents = np.linspace(-DECADES, DECADES, POINTS)
        # The middle exponent is exactly 0, so λ_eff itself is on the grid.
        spaced = [lambda_eff * 10.0 ** float(x) for x in exponents]
    return sorted({*spaced, *(float(x) for x in requested)})


def neighbours(lambda_eff: float) -> tuple[float, float]:
    """λ_eff·e^{∓STEP}, for d log ALO / d log λ."""
    return lambda_eff * math.exp(-STEP), lambda_eff * math.exp(STEP)
