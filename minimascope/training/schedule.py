"""How the learning rate went, from a scheduler of torch or the rates themselves."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from minimascope.training.refusals import first_line, named, optimizer_unusable

MOST = 1_000_000  # steps of a scheduler that are gone through again
ADVICE = "Give lr_sum=, the sum of the learning rates of all steps."


@dataclass(frozen=True)
class Rates:
    """Sum of all learning rates, the largest of them, and how many steps there were."""

    total: float
    largest: float
    steps: int


def rates_of(schedule: Any, steps: int | None) -> Rates:
    """Of a scheduler that has come to its end, or of a sequence with the rate of each step.

    Raises ProblemError optimizer_unusable.
    """
    if isinstance(schedule, torch.optim.lr_scheduler.LRScheduler):
        return _summed(_gone_through(schedule), steps)
    if isinstance(schedule, (Sequence, torch.Tensor)) or hasattr(schedule, "tolist"):
        return _summed([float(rate) for rate in schedule], None)
    raise optimizer_unusable(
        f"schedule is a {named(schedule)}.",
        "Give constant, cosine, linear or step, the scheduler, or all rates.",
    )


def _summed(rates: list[float], steps: int | None) -> Rates:
    """Where the optimiser stepped more often than the scheduler, each rate held for as long."""
    usable = bool(rates) and all(math.isfinite(rate) and rate >= 0 for rate in rates)
    if not usable or max(rates) <= 0:
        raise optimizer_unusable("The schedule has no usable learning rates.", ADVICE)
    count = steps or len(rates)
    return Rates(sum(rates) * count / len(rates), max(rates), count)


def _gone_through(scheduler: Any) -> list[float]:
    """The rate of each of its steps, of a copy with an optimiser of its own."""
    done = int(scheduler.last_epoch)
    if not 0 < done <= MOST:
        raise optimizer_unusable(f"The scheduler has made {done} steps.", ADVICE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the order of calls: nothing is trained here
        try:
            return _again(scheduler, done)
        except Exception as error:
            raise optimizer_unusable(
                f"{named(scheduler)} cannot be gone through again: {first_line(error)}.", ADVICE
            ) from error


def _again(scheduler: Any, done: int) -> list[float]:
    mine = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    copied = copy.copy(scheduler)
    if hasattr(copied, "_schedulers"):
        raise ValueError("it is made of several")
    copied.optimizer = mine
    base = list(scheduler.base_lrs)
    mine.param_groups = [{**mine.param_groups[0], "lr": x, "initial_lr": x} for x in base]
    copied.last_epoch = -1
    copied._initial_step()
    found = []
    for _ in range(done):
        found.append(max(float(group["lr"]) for group in mine.param_groups))
        copied.step()
    return found
