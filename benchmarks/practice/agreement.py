"""The product's answers against the rule written apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from practice.rows import Row
from practice.tables import grid, share

Lines = Mapping[str, Mapping[str, Any]]


def agreement(rows: list[Row], product: Lines) -> str:
    """Relative differences of what both computed, and of their headlines and verdicts."""
    pairs = [(row, product[row.case.name]) for row in rows if row.case.name in product]
    if not pairs:
        return "No answers of the product are stored here.\n"
    body = [_difference(name, pairs) for name in ("ridge", "filter", "soft_rank", "scatter", "m")]
    same = sum(row.verdict == line["verdict"] for row, line in pairs)
    said = f"\nThe same verdict: {share(same, len(pairs))}.\n"
    return grid(["", "networks", "median", "90% below", "largest, of"], body) + said


def _difference(name: str, pairs: list[tuple[Row, Mapping[str, Any]]]) -> list[str]:
    found = []
    for row, line in pairs:
        key = "s" if name == "scatter" else name
        own = {"m": row.answer.m, "scatter": row.answer.s}.get(name, row.found.get(name))
        if own is not None and line[key] is not None:
            found.append((abs(line[key] - own) / abs(own), row.case.name))
    sizes = [size for size, _ in found]
    worst, of = max(found)
    return [
        name,
        str(len(found)),
        f"{np.median(sizes):.0e}",
        f"{np.quantile(sizes, 0.9):.0e}",
        f"{worst:.0e}, {of}",
    ]
