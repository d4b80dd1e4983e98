"""Numbers that no training has."""

from __future__ import annotations

import math


def check_usable(name: str, value: float | None, *, positive: bool = False) -> None:
    """Raises ValueError, naming the value, where it is negative, not finite, or a zero too many."""
    if value is None:
        return
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise ValueError(f"{name} = {value} is not a usable value.")
