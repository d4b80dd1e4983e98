"""Ticks of a logarithmic axis that can be read: decades where there are many, 1-2-5 where few."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MANY = 3.0  # decades from which the decades alone are labelled
FEW = 0.75  # decades below which every digit is
MOST = 8  # labels an axis holds


def ticks(low: float, high: float) -> list[float]:
    """Values to label on [low, high], 0 < low <= high; at least two where 1-9 gives them."""
    span = math.log10(high / low)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if span >= MANY:
        step = math.ceil((last - first) / MOST)
        return [10.0**d for d in range(first, last + 1) if d % step == 0]
    digits = (1, 2, 5) if span > FEW else range(1, 10)
    return [digit * 10.0**d for d in range(first, last + 1) for digit in digits]


def label(value: float) -> str:
    """`0.05`, `20`, `10⁻⁴`, `5·10⁻⁴`: the same in Plotly's HTML subset."""
    exponent = math.floor(math.log10(value) + 1e-9)
    if -3 < exponent < 4:
        return f"{value:.{max(-exponent, 0)}f}"
    digit = round(value / 10.0**exponent)
    power = f"10<sup>{str(exponent).replace('-', '−')}</sup>"
    return power if digit == 1 else f"{digit}·{power}"


def log_axis(title: str, values: Iterable[float]) -> dict[str, Any]:
    """A true log axis with labels at readable values; what is not positive is left out."""
    known = [float(v) for v in values if v > 0 and math.isfinite(v)]
    axis: dict[str, Any] = {"type": "log", "title": {"text": title}}
    if not known:
        return axis
    low, high = min(known), max(known)
    pad = (high / low) ** 0.08 if high > low else 2.0  # Plotly's own padding stays inside it
    places = [v for v in ticks(low / pad, high * pad) if low / pad <= v <= high * pad]
    return {**axis, "tickvals": places, "ticktext": [label(v) for v in places]}
