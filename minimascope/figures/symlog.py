"""Symmetric logarithm: linear near zero, logarithmic on both sides, for signed eigenvalues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def threshold(values: Floats) -> float:
    """Width of the linear part: 1e-4 of the largest |value|, as a power of ten."""
    largest = float(np.max(np.abs(values))) if values.size else 1.0
    return float(10.0 ** np.floor(np.log10(max(largest, 1e-12) * 1e-4)))


def symlog(values: Floats, *, linear: float) -> Floats:
    """sign(x)·log₁₀(1 + |x|/linear), strictly increasing and 0 at 0."""
    return np.sign(values) * np.log10(1.0 + np.abs(values) / linear)


def ticks(values: Floats, *, linear: float) -> tuple[list[float], list[str]]:
    """Tick positions and labels at 0 and at the decades reached on each side."""
    low, high = float(np.min(values, initial=0.0)), float(np.max(values, initial=0.0))
    first = round(np.log10(linear)) + 1
    negative = [-(10.0**d) for d in range(first, 13) if 10.0**d <= -low]
    positive = [10.0**d for d in range(first, 13) if 10.0**d <= high * 1.001]
    chosen = [*reversed(negative), 0.0, *positive]
    places = symlog(np.array(chosen), linear=linear)
    return [float(v) for v in places], [_label(v) for v in chosen]


def _label(value: float) -> str:
    if value == 0:
        return "0"
    sign = "−" if value < 0 else ""
    exponent = round(np.log10(abs(value)))
    return f"{sign}{_plain(exponent)}"


def _plain(exponent: int) -> str:
    if exponent in (0, 1):
        return "1" if exponent == 0 else "10"
    return f"10<sup>{str(exponent).replace('-', '−')}</sup>"
