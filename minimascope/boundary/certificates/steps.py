"""The steps that a network is made of, where it can be bounded: each a value.

Shapes are those of one example: a step maps (m, *into) to (m, *out).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Affine:
    """x ↦ `linear`(x) + `offset`; `absolute` is `linear` with the absolute values of its weights.

    `adjoint` takes (m, *out) back to (m, *into). `length` is the longest product sum in either
    direction, 0 where numbers are only moved about.
    """

    given: int
    into: torch.Size
    out: torch.Size
    linear: Function
    absolute: Function
    adjoint: Function
    length: int
    offset: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Added:
    """first + factor · second."""

    given: int
    other: int
    factor: float
    out: torch.Size


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each number by itself; `slope` is a leaky ReLU's below 0."""

    given: int
    out: torch.Size
    name: str
    slope: float = 0.0


@dataclass(frozen=True, eq=False)
class Maximum:
    """The largest number of each window: `windows` (outputs, size) are places in the flattened
    input, −1 beyond its edge."""

    given: int
    into: torch.Size
    out: torch.Size
    windows: Tensor = field(repr=False)


Step = Affine | Added | Activation | Maximum


def windowed(values: Tensor, windows: Tensor, *, beyond: float) -> Tensor:
    """Numbers (n, outputs, size) of every window of values (n, ...)."""
    found = values.flatten(1)[:, windows.clamp_min(0)]
    return found.masked_fill(windows < 0, beyond)
