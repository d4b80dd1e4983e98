"""The tables of the gap study, as markdown, from its stored lines."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from study.agreement import Agreement, agreement
from study.readings import Reading, readings

ESTIMATES = (
    "alo_ggn",
    "tic_ggn",
    "tic_ggn_uncentred",
    "soft_rank_ggn",
    "tic_hessian_clipped",
    "tic_hessian_clipped_uncentred",
    "soft_rank_hessian_clipped",
    "kfac_tic",
    "kfac_soft_rank",
    "diagonal_soft_rank",
    "sampled_fisher_soft_rank",
)
HEADER = "| measure | nets | τ | ρ | log r | MAE | rel. error | est/gap | ≤ ×1.5 | ≤ ×2 |"


def report(lines: list[dict[str, Any]], convex: list[dict[str, Any]]) -> str:
    """Everything, as one markdown page."""
    every = [reading for line in lines for reading in readings(line)]
    parts = [
        "# Gap study: the tables",
        f"Written by `benchmarks/gap_study.py` from {len(lines)} networks; what they mean is in "
        "docs/gap_study.md. Estimates and errors in nats; relative error and est/gap are medians.",
        "## Everything known about training",
        _table([each for each in every if each.primary]),
        "## Only the weight decay known (λ = weight decay, L-BFGS and SGD)",
        _table([each for each in every if each.pure_weight_decay]),
        "## Convex models: softmax regression, expected gap over 200 training sets",
        _convex(convex),
    ]
    return "\n\n".join(parts) + "\n"


def _agreement(chosen: list[Reading], name: str, *, nats: bool = True) -> Agreement:
    return agreement([each.values.get(name) for each in chosen], [x.gap for x in chosen], nats=nats)


def _table(chosen: list[Reading]) -> str:
    if not chosen:
        return "None."
    names = [(name, True) for name in ESTIMATES]
    names += [(name, False) for name in sorted(chosen[0].baselines)]
    rows = [HEADER, "|---|" + "---|" * 9]
    for name, nats in names:
        found = _agreement(chosen, name, nats=nats)
        cells = [_cell(key, value) for key, value in asdict(found).items()]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(key: str, value: float) -> str:
    if key == "count":
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.0%}" if key.startswith("within") else f"{value:.2f}"


def _convex(lines: list[dict[str, Any]]) -> str:
    names = ("alo_ggn", "tic_ggn", "soft_rank_ggn", "kfac_tic", "diagonal_soft_rank")
    rows = [
        "| model | n | weight decay | E[gap] ± s.e. | "
        + " | ".join(names)
        + " | inside 50% | inside 90% | verdicts |"
    ]
    rows.append("|---|" + "---|" * (len(names) + 6))
    for line in lines:
        cells = [_mean(line["gap"]), *(_mean(line["estimates"][name]) for name in names)]
        verdicts = ", ".join(f"{name} {count}" for name, count in line["verdicts"].items())
        held = f"{line['half']:.0%} | {line['ninety']:.0%}"
        rows.append(
            f"| {line['truth']} | {line['n']} | {line['weight_decay']:g} | "
            + " | ".join(cells)
            + f" | {held} | {verdicts} |"
        )
    if lines:
        half, ninety = (sum(line[key] for line in lines) / len(lines) for key in ("half", "ninety"))
        rows += [
            "",
            f"Over single training sets of {len(lines)} models the 50% intervals held {half:.0%} "
            f"of their own gaps, the 90% intervals {ninety:.0%}.",
        ]
    return "\n".join(rows)


def _mean(found: dict[str, float]) -> str:
    return f"{found['mean']:.4f} ± {found['standard_error']:.4f}"
