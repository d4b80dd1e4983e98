"""The whole of results/practice_study.md, from the lines of all stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from practice.agreement import agreement
from practice.calibration import fitted
from practice.case import Case
from practice.criteria import criteria
from practice.rows import Row, rows
from practice.rule import AMENDED, BEFORE, BRACKETED, FROZEN, LEANING, REFITTED, Rule
from practice.tables import by_fact, by_kind, by_verdict, failures, grid, oracle, ranks, refused

LOSSES = {"mse": "squared error", "cross_entropy": "cross-entropy", "multilabel": "multi-label"}
TITLES = {
    "calibration": "First half",
    "blind": "Blind half",
    "second": "Second blind set",
    "third": "Third blind set",
    "fourth": "Fourth blind set",
}
# Of each set: the rule it is counted by, and then others beside it.
FIRST = {"Amended rule": AMENDED, "As frozen before training": FROZEN}
RULES: dict[str, dict[str, Rule]] = {
    "calibration": FIRST,
    "blind": FIRST,
    "second": {"Amended rule, σ refitted": REFITTED, "With the σ of the first half alone": AMENDED},
    "third": {"Filter by closeness, Student's intervals": LEANING, "By the rule of before": BEFORE},
    "fourth": {
        "As wide as ridge and filter are apart": BRACKETED,
        "The same, gaps below zero counted as outside": replace(BRACKETED, at_most=False),
        "By the rule of before": LEANING,
    },
}

Lines = Mapping[str, Mapping[str, Any]]


def report(cases: list[Case], lines: Mapping[str, Lines]) -> str:
    """Markdown; each set by several rules, the criteria counted in the blind ones by the first."""
    parts = ["# The practice study\n", _notes(lines)]
    for half, title in TITLES.items():
        own = [case for case in cases if case.half == half]
        found = {
            name: rows(own, lines["networks"], lines["reference"], rule)
            for name, rule in RULES[half].items()
        }
        (name, now), *beside = found.items()
        if not now:
            continue
        parts.append(f"## {title}\n")
        if half != "calibration":
            parts += ["### Criteria\n", criteria(now)]
        parts += [f"### {name}\n", *_half(now, lines)]
        for other, before in beside:
            parts += [f"### {other}\n", by_kind(before), by_verdict(before)]
        parts += [f"### Likeliest σ, {name.lower()}\n", sigmas(now)]
    for half, rule in (("third", LEANING), ("fourth", BRACKETED)):
        made = rows(_before(cases, half), lines["networks"], lines["reference"], rule)
        parts += [f"## What the rule of the {half} set was made on\n", by_kind(made)]
        parts += [by_verdict(made)]
    parts += ["## The product against the rule written apart\n", _same(cases, lines)]
    parts += ["## Leave-one-out by training again\n", oracle([*lines["oracle"].values()])]
    return "\n".join(parts)


def _before(cases: list[Case], half: str) -> list[Case]:
    """Networks of the sets in front of one."""
    sets = list(TITLES)
    return [case for case in cases if case.half in sets[: sets.index(half)]]


def _same(cases: list[Case], lines: Mapping[str, Lines]) -> str:
    """Every network that the product has answered since the rule of the fourth set."""
    found = rows(cases, lines["networks"], lines["reference"], BRACKETED)
    return agreement(found, lines["product"])


def _notes(lines: Mapping[str, Lines]) -> str:
    trained = sum(line["seconds"] for line in lines["networks"].values())
    estimated = sum(line["cpu"] for line in lines["reference"].values())
    answered = sum(line["cpu"] for line in lines["product"].values())
    again = sum(line["cpu"] for line in lines["oracle"].values())
    return (
        f"CPU seconds on one thread: training {trained:.0f}, the rule in numpy {estimated:.0f}, "
        f"the product {answered:.0f} ({len(lines['product'])} networks), training without each "
        f"example {again:.0f}.\n"
    )


def _half(found: list[Row], lines: Mapping[str, Lines]) -> list[str]:
    peers = {
        name: {**lines["baselines"].get(name, {}), **lines["alpha"].get(name, {})}
        for name in lines["networks"]
    }
    return [
        "Held: with the gap's own standard error in the interval, in brackets without.\n",
        by_kind(found),
        by_verdict(found),
        "#### By loss\n",
        by_fact(found, lambda row: LOSSES.get(row.case.loss, row.case.loss)),
        "#### By network\n",
        by_fact(found, lambda row: row.case.architecture),
        "#### By data\n",
        by_fact(found, lambda row: row.case.data),
        "#### By what else changes the objective\n",
        by_fact(found, _changed),
        "#### Kendall's τ with the measured gap\n",
        ranks(found, peers),
        "#### Outside the 90% interval\n",
        failures(found),
        "#### Refused\n",
        refused(found),
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


def sigmas(found: list[Row]) -> str:
    """The likeliest σ of each kind of network, told what the other numbers are."""
    kinds = ["SGD", "Adam", "AdamW", "L-BFGS", "smoothed", "all"]
    groups = [(kind, [row for row in found if kind in row.kinds]) for kind in kinds]
    adaptive = [row for row in found if row.case.optimizer in ("adam", "adamw")]
    body = [
        [
            kind,
            str(sum(row.answered for row in group)),
            f"{fitted(group):.2f}",
            f"{fitted(group, tail=0.05):.2f}",
        ]
        for kind, group in [*groups, ("Adam and AdamW", adaptive)]
    ]
    return grid(["", "networks", "likeliest σ", "with 5% of gross misses"], body)
