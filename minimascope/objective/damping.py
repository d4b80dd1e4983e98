"""λ_eff: the ridge that training amounts to (docs/mathematics.md, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minimascope.objective.optimiser import Sgd
from minimascope.objective.penalty import Ridge


@dataclass(frozen=True)
class Damping:
    """λ_eff (None if unknown), where it comes from, and whether it is the weight decay alone."""

    value: float | None
    source: str
    pure_weight_decay: bool = False


def effective_damping(penalty: Ridge, optimiser: Sgd) -> Damping:
    """wd at a converged L2 minimum; wd + (1 − momentum)/(lr·steps) after SGD of constant lr.

    Raises ValueError on negative or non-finite values.
    """
    _check(weight_decay=penalty.weight_decay, **vars(optimiser))
    decay, early = penalty.weight_decay, optimiser.early_stopping
    if early is not None:
        known = decay or 0.0
        sentence = (
            f"λ_eff = weight decay {known:g} + (1 − momentum)/(lr·steps) = {known + early:.4g}, "
            "for SGD with a constant learning rate."
        )
        return Damping(known + early, sentence)
    if decay is not None and decay > 0:
        sentence = f"λ_eff = weight decay {decay:g}, for a converged L2-regularised minimum."
        return Damping(decay, sentence, pure_weight_decay=True)
    return Damping(None, _unknown(decay))


def _unknown(weight_decay: float | None) -> str:
    known, advice = "The weight decay is not known", "the optimiser's weight decay, or "
    if weight_decay == 0:
        known, advice = "Weight decay is 0", ""
    return (
        f"{known} and no training schedule was given, so λ is unknown: give {advice}lr, momentum "
        "and steps to get a headline number."
    )


def _check(**given: float | None) -> None:
    for name, value in given.items():
        if value is None:
            continue
        if not math.isfinite(value) or value < 0 or (name in ("lr", "steps") and value == 0):
            raise ValueError(f"{name} = {value} is not a usable value.")
        if name == "momentum" and value >= 1:
            raise ValueError(f"momentum = {value} must be below 1.")
