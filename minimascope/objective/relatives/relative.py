"""A loss with sizes unknown, linear in them: what a gradient can tell of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Flags = dict[str, Any]
Residuals = Callable[[Tensor, Tensor], list[Tensor]]


@dataclass(frozen=True)
class Relative:
    """Residuals base + Σ size·column of outputs f (n × K) and targets y, each n × K, base first.

    `flags` turns the sizes into fields of the objective, None where they cannot be; `said` names
    the loss with them. `sized`: how many sizes there are.
    """

    residuals: Residuals
    flags: Callable[[list[float]], Flags | None]
    said: Callable[[Flags], str]
    sized: int = 0


def plain(residual: Callable[[Tensor, Tensor], Tensor], said: str, flags: Flags) -> Relative:
    """One without any unknown size."""
    return Relative(lambda f, y: [residual(f, y)], lambda _: dict(flags), lambda _: said)


def rounded(value: float, *, within: float = 0.02) -> float:
    """The nearest number of one to three digits where that is as good: what people type."""
    for digits in (1, 2, 3):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= within * abs(value):
            return short
    return value
