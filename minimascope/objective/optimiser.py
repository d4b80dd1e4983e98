"""How the objective was minimised, as far as it is known: which optimiser, and for how long.

T, the training time, is the sum of the learning rates of all steps, over 1 − momentum for SGD:
how far gradient flow went (docs/mathematics.md, section 7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from minimascope.objective.checks import check_usable

OptimizerName = Literal["sgd", "adam", "adamw", "lbfgs", "other"]
ScheduleName = Literal["constant", "cosine", "linear", "step"]
ADAPTIVE = ("adam", "adamw")
EPS = 1e-8  # torch's own


@dataclass(frozen=True)
class Optimiser:
    """None for what is not known; without a name, SGD.

    lr            the largest of the schedule
    lr_sum        Σ lr where it is known itself
    second_moment v̂ of Adam and AdamW by parameter name: exp_avg_sq/(1 − β₂ᵗ)
    """

    name: OptimizerName | None = None
    lr: float | None = None
    momentum: float | None = None
    steps: int | None = None
    schedule: ScheduleName | None = None
    lr_sum: float | None = None
    betas: tuple[float, float] | None = None
    eps: float = EPS
    batch_size: int | None = None
    second_moment: Mapping[str, Tensor] | None = None

    @property
    def adaptive(self) -> bool:
        """Whether steps are divided by √v̂ + ε."""
        return self.name in ADAPTIVE

    @property
    def decoupled(self) -> bool:
        """Whether weight decay acts beside the gradient and not within it."""
        return self.name == "adamw"

    @property
    def moments(self) -> Literal["state", "gradients"] | None:
        """Where v̂ comes from; None where there is none."""
        if not self.adaptive:
            return None
        return "gradients" if self.second_moment is None else "state"

    @property
    def sum_of_rates(self) -> float | None:
        """Σ lr over all steps; None where it is not known."""
        self._check()
        if self.lr_sum is not None:
            return self.lr_sum
        if self.lr is None or self.steps is None:
            return None
        return self.lr * steps_at_full_rate(self.schedule or "constant", self.steps)

    @property
    def training_time(self) -> float | None:
        """T; None where unknown, or for L-BFGS, whose steps are no gradient flow."""
        early = self.early_stopping
        return None if early is None else 1 / early

    @property
    def early_stopping(self) -> float | None:
        """1/T, the ridge (in the optimiser's metric) that stopping amounts to."""
        total = self.sum_of_rates
        if total is None or self.name == "lbfgs":
            return None
        return 1 / total if self.adaptive else (1 - (self.momentum or 0.0)) / total

    def _check(self) -> None:
        check_usable("lr", self.lr, positive=True)
        check_usable("steps", self.steps, positive=True)
        check_usable("lr_sum", self.lr_sum, positive=True)
        check_usable("momentum", self.momentum)
        if self.momentum is not None and self.momentum >= 1:
            raise ValueError(f"momentum = {self.momentum} must be below 1.")


def steps_at_full_rate(schedule: ScheduleName, steps: int) -> float:
    """Σ lr over the largest lr: rates of step t = 0, …, as torch's schedulers set them.

    cosine and linear end at 0; step multiplies by 0.1 at half and at three quarters of the steps.
    """
    if schedule == "constant":
        return steps
    if schedule == "step":
        half, late = math.ceil(steps / 2), math.ceil(3 * steps / 4)
        return half + 0.1 * (late - half) + 0.01 * (steps - late)
    return (steps + 1) / 2


def bias_corrected(exp_avg_sq: Tensor, beta2: float, step: float) -> Tensor:
    """v̂ = exp_avg_sq/(1 − β₂ᵗ) of an optimiser's state after t steps."""
    return exp_avg_sq / -math.expm1(step * math.log(beta2)) if beta2 > 0 else exp_avg_sq
