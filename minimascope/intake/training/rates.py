"""How the learning rate went, from a scheduler's state or transformers' name for it.

Relative to the largest base rate, at each time that the scheduler was asked; formulas of
torch.optim.lr_scheduler and transformers.optimization.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minimascope.intake.values.training_facts import ScheduleFacts

Rates = NDArray[np.float64]
MOST = 10_000_000  # times that a scheduler was asked
TRANSFORMERS = ("linear", "cosine", "constant", "constant_with_warmup")


def relative_rates(schedule: ScheduleFacts, base: float, ticks: int) -> Rates | None:
    """Rates at times 0 … ticks over `base`; None for a scheduler whose state does not tell."""
    kind = kind_of(schedule)
    if kind is None or not 0 <= ticks <= MOST or base <= 0:
        return None
    times = np.arange(ticks + 1, dtype=np.float64)
    n = schedule.numbers
    floor = n.get("eta_min", 0.0) / base
    formulas: dict[str, Callable[[], Rates]] = {
        "cosine": lambda: _cosine(times, n["T_max"], floor),
        "restarts": lambda: _restarts(times, n["T_0"], floor),
        "steps": lambda: n["gamma"] ** np.floor(times / n["step_size"]),
        "milestones": lambda: _milestones(times, schedule.milestones or [], n["gamma"]),
        "exponential": lambda: n["gamma"] ** times,
        "linear": lambda: _between(times, n["start_factor"], n["end_factor"], n["total_iters"]),
        "polynomial": lambda: np.clip(1 - times / n["total_iters"], 0, 1) ** n["power"],
        "factor": lambda: np.where(times < n["total_iters"], n["factor"], 1.0),
    }
    with np.errstate(all="ignore"):
        found = formulas[kind]()
    return found if np.isfinite(found).all() and (found >= 0).all() else None


def kind_of(schedule: ScheduleFacts) -> str | None:
    """Which scheduler has these numbers; None for one that keeps its rates to itself."""
    n = set(schedule.numbers)
    if not schedule.known:
        return None
    if "T_0" in n:
        return "restarts" if schedule.numbers.get("T_mult") == 1 else None
    for kind, keys in _KEYS:
        if keys <= n and all(schedule.numbers[key] > 0 for key in keys & _POSITIVE):
            return "milestones" if kind == "exponential" and schedule.milestones else kind
    return None


_POSITIVE = {"T_max", "step_size", "total_iters"}
_KEYS: tuple[tuple[str, set[str]], ...] = (
    ("cosine", {"T_max"}),
    ("steps", {"step_size", "gamma"}),
    ("linear", {"start_factor", "end_factor", "total_iters"}),
    ("factor", {"factor", "total_iters"}),
    ("polynomial", {"power", "total_iters"}),
    ("exponential", {"gamma"}),
)


def _cosine(times: Rates, half: float, floor: float) -> Rates:
    return floor + (1 - floor) * (1 + np.cos(math.pi * times / half)) / 2


def _restarts(times: Rates, period: float, floor: float) -> Rates:
    return _cosine(np.mod(times, period), period, floor)


def _milestones(times: Rates, milestones: list[float], gamma: float) -> Rates:
    passed = np.searchsorted(np.sort(np.asarray(milestones)), times, side="right")
    return np.asarray(gamma, dtype=np.float64) ** passed


def _between(times: Rates, start: float, end: float, total: float) -> Rates:
    return start + (end - start) * np.clip(times / total, 0, 1)


def transformers_rates(name: str, steps: int, planned: int, warmup: int) -> Rates:
    """Relative rates of steps 0 … steps − 1 of get_scheduler(name, …), `planned` in all."""
    times = np.arange(min(steps, MOST), dtype=np.float64)
    rise = times / max(warmup, 1)
    share = np.clip((times - warmup) / max(planned - warmup, 1), 0, 1)
    falls = {"linear": 1 - share, "cosine": (1 + np.cos(math.pi * share)) / 2}
    return np.where(times < warmup, rise, falls.get(name, np.ones_like(times)))
