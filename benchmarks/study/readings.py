"""Readings of a stored line: what was estimated from what was said about the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """One network as estimated from what was said about its training.

    values: estimates and baselines by name; primary: this reading knows all there is to know.
    """

    name: str
    gap: float
    primary: bool
    pure_weight_decay: bool
    values: dict[str, float | None]
    baselines: dict[str, float | None]


def readings(line: dict[str, Any]) -> list[Reading]:
    """One for each way of describing the training of a stored network."""
    return [
        Reading(
            name=line["name"],
            gap=line["gap"],
            primary=name == line["primary"],
            pure_weight_decay=name == "weight_decay",
            values=found["baselines"] | found["estimates"],
            baselines=found["baselines"],
        )
        for name, found in line["readings"].items()
    ]
