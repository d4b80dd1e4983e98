"""The whole of results/practice_study.md, from the lines of all stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from practice.calibration import fitted
from practice.criteria import criteria
from practice.rows import Row
from practice.tables import (
    by_fact,
    by_kind,
    by_verdict,
    failures,
    grid,
    oracle,
    ranks,
    refused,
)

LOSSES = {"mse": "squared error", "cross_entropy": "cross-entropy", "multilabel": "multi-label"}

Peers = Mapping[str, Mapping[str, float | None]]


def report(
    halves: Mapping[str, list[Row]], peers: Peers, left_out: list[dict[str, Any]], notes: str
) -> str:
    """Markdown; each half apart, the criteria counted in the blind one."""
    parts = ["# The practice study", notes]
    for title, rows in halves.items():
        if rows:
            parts += [f"## {title}", *_half(rows, peers)]
            if title == "Blind half":
                parts += ["### Criteria", criteria(rows)]
    parts += ["## Leave-one-out by training again", oracle(left_out)]
    return "\n".join(parts)


def _half(rows: list[Row], peers: Peers) -> list[str]:
    return [
        "Held: with the gap's own standard error in the interval, in brackets without.\n",
        by_kind(rows),
        by_verdict(rows),
        "### By loss\n",
        by_fact(rows, lambda row: LOSSES.get(row.case.loss, row.case.loss)),
        "### By network\n",
        by_fact(rows, lambda row: row.case.architecture),
        "### By data\n",
        by_fact(rows, lambda row: row.case.data),
        "### By what else changes the objective\n",
        by_fact(rows, _changed),
        "### Kendall's τ with the measured gap\n",
        ranks(rows, peers),
        "### Outside the 90% interval\n",
        failures(rows),
        "### Refused\n",
        refused(rows),
    ]


def _changed(row: Row) -> str:
    case = row.case
    if case.augmentation != "none":
        return "shifts"
    if case.rho > 0:
        return "SAM"
    if case.dropout > 0:
        return "dropout"
    if case.weighted:
        return "class weights"
    return "soft labels" if case.annotators else "smoothed" if case.smoothed else "none of these"


def sigmas(rows: list[Row]) -> str:
    """The likeliest σ of each kind of network, told what the other numbers are."""
    kinds = ["SGD", "Adam", "AdamW", "L-BFGS", "smoothed", "all"]
    groups = [(kind, [row for row in rows if kind in row.kinds]) for kind in kinds]
    groups.append(("Adam and AdamW", [r for r in rows if r.case.optimizer in ("adam", "adamw")]))
    groups.append(("smoothed by SGD", [r for r in rows if r.case.smoothed and "SGD" in r.kinds]))
    body = [
        [
            kind,
            str(sum(r.answered for r in group)),
            f"{fitted(group):.2f}",
            f"{fitted(group, tail=0.05):.2f}",
        ]
        for kind, group in groups
    ]
    return grid(["", "networks", "likeliest σ", "with 5% of gross misses"], body)
