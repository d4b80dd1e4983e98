"""Seconds as people say them: in ms, s, min or h, with the digits that a forecast has."""

from __future__ import annotations

UNITS = (("h", 3600.0, 7200.0), ("min", 60.0, 120.0), ("s", 1.0, 1.0))  # name, length, from


def duration(seconds: float) -> str:
    """Such as "1.2 ms", "14 s", "3.5 min" or "18 h"."""
    unit, size = _unit(seconds)
    return f"{_digits(seconds / size)} {unit}"


def duration_between(seconds: float, low: float, high: float) -> str:
    """A middle and its range, in one unit: "18 h (11 to 33)"."""
    _, size = _unit(seconds)
    return f"{duration(seconds)} ({_digits(low / size)} to {_digits(high / size)})"


def _unit(seconds: float) -> tuple[str, float]:
    return next(((unit, size) for unit, size, least in UNITS if seconds >= least), ("ms", 1e-3))


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
