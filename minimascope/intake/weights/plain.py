"""Plain values among what a training script saved: numbers, texts, tables; anything else is None.

Sizes are bounded here, once: whatever reads these values may walk them without a further thought.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from minimascope.intake.weights.inert_pickle import Inert

TEXT = 100  # characters
LARGEST = 1e15
MOST = 20_000  # entries of a list or table
DEPTH = 4  # tables within tables that are looked into


def number(value: Any) -> float | None:
    """A finite number of moderate size, also one in a tensor."""
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        value = value.detach().reshape(()).item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -LARGEST <= value <= LARGEST or math.isnan(value):
        return None
    return float(value)


def numbers(value: Any) -> list[float] | None:
    """A short list of numbers, none of them left out."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST:
        return None
    found = [number(each) for each in value]
    kept = [each for each in found if each is not None]
    return kept if len(kept) == len(found) else None


def text(value: Any) -> str | None:
    """A short text, also that of an enumeration that was not made."""
    if isinstance(value, Inert) and len(value.arguments) == 1:
        value = value.arguments[0]
    return value if isinstance(value, str) and len(value) <= TEXT else None


def table(value: Any) -> dict[str, Any]:
    """A table by its texts: a dict, or the fields of an object that was not made."""
    if isinstance(value, Inert):
        state = value.state
        if isinstance(state, tuple) and len(state) == 2:  # a dict and slots
            state = state[0] if isinstance(state[0], dict) else state[1]
        value = {**(state if isinstance(state, dict) else {}), **value.items}
    if not isinstance(value, dict) or len(value) > MOST:
        return {}
    return {key: each for key, each in value.items() if isinstance(key, str)}


def tables(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """All tables within a saved value with their dotted keys, outer ones first.

    Those of `state`, a number a tensor, are passed over.
    """
    if depth > DEPTH:
        return
    if isinstance(value, (list, tuple)):
        if len(value) <= TEXT:
            for each in value:
                yield from tables(each, key, depth + 1)
        return
    found = table(value)
    if found:
        yield key, found
    for name, each in found.items():
        if name != "state" and isinstance(each, (dict, list, tuple, Inert)):
            yield from tables(each, f"{key}.{name}".strip(".")[:TEXT], depth + 1)
