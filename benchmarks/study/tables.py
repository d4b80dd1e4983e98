"""The tables of the gap study, as markdown, from its stored lines."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from minimascope.curvature.gap.chance import SCHEDULE_ERROR
from study.agreement import Agreement, agreement, off_by
from study.halves import chance, halves, outcome, schedule_error
from study.judging import RULES, Reading, candidate, judged, readings

from minimascope.curvature.gap.verdict import PROMISED

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
VERDICTS = (
    "reliable",
    "uncertain",
    "lower_bound",
    "upper_leaning",
    "not_a_minimum",
    "no_estimate",
)
HEADER = "| measure | nets | τ | ρ | log r | MAE | rel. error | est/gap | ≤ ×1.5 | ≤ ×2 |"
WANTED_TAU, WANTED_SHARE, WORST_FACTOR = 0.6, 0.9, 3.0
OTHER_SPLITS = 100


@dataclass(frozen=True)
class Check:
    """One acceptance criterion of the study."""

    sentence: str
    held: bool


def report(lines: list[dict[str, Any]], convex: list[dict[str, Any]]) -> str:
    """Everything, as one markdown page."""
    primary = [reading for line in lines for reading in readings(line) if reading.primary]
    parts = [
        "# Gap study: the tables",
        f"Written by `benchmarks/gap_study.py` from {len(lines)} networks; what they mean is in "
        "docs/gap_study.md. Estimates and errors in nats; relative error and est/gap are medians.",
        _checks(primary),
        verdict_table(primary),
        "## The chance of being within ×2, with σ of log λ_eff from one half",
        _halves(primary),
        _calibration(primary),
        *study_tables(primary),
    ]
    weight_decay = [each for line in lines for each in readings(line) if each.pure_weight_decay]
    parts += [
        "## Only the weight decay known (λ = weight decay, L-BFGS and SGD)",
        verdict_table(weight_decay),
        _rules(weight_decay),
        "## Convex models: softmax regression, expected gap over 200 training sets",
        _convex(convex),
    ]
    return "\n\n".join(parts) + "\n"


def study_tables(primary: list[Reading]) -> list[str]:
    """Every estimate and baseline over all networks, and by verdict."""
    parts = ["## All networks, everything known about training", _table(primary)]
    for verdict in VERDICTS:
        chosen = [each for each in primary if judged(each)[0] == verdict]
        parts += [f"## Verdict `{verdict}` ({len(chosen)} networks)", _table(chosen)]
    return parts


def checks(primary: list[Reading]) -> list[Check]:
    """The acceptance criteria of the study, over the reading that tells all that is known."""
    reliable = [each for each in primary if judged(each)[0] == "reliable"]
    found = _agreement(reliable, "alo_ggn")
    wrong = [x for x in reliable if off_by(x.estimate("alo_ggn"), x.gap) > WORST_FACTOR]
    names = ", ".join(each.name for each in wrong) or "none"
    return [
        Check(
            f"ALO τ ≥ {WANTED_TAU} where `reliable`: {found.tau:.2f} on {found.count}",
            found.tau >= WANTED_TAU,
        ),
        Check(
            f"≥ {WANTED_SHARE:.0%} within ×2 where `reliable`: {found.within_2:.0%}",
            found.within_2 >= WANTED_SHARE,
        ),
        Check(f"`reliable` and off by more than ×{WORST_FACTOR:g}: {names}", not wrong),
    ]


def _checks(primary: list[Reading]) -> str:
    rows = [
        f"- {'held' if each.held else '**not held**'}: {each.sentence}" for each in checks(primary)
    ]
    return "\n".join(["## Acceptance", "", *rows])


def _halves(primary: list[Reading]) -> str:
    """What one half fixes, what both halves then hold, and how much the split matters."""
    first, second = halves(primary)
    sigma, count = schedule_error(first)
    rows = [
        f"On the first half σ = {sigma:.2f}, from {count} networks that would be `reliable` if λ "
        f"were right; in use: {SCHEDULE_ERROR:g}. On the second half it would be "
        f"{schedule_error(second)[0]:.2f}.",
        "",
        "| networks | chance at least | nets | share promised | within ×2 | off by > ×3 |",
        "|---|---|---|---|---|---|",
    ]
    for name, half in (("first half", first), ("second half", second), ("all", primary)):
        for least in (PROMISED, 0.0):
            kept = outcome(half, SCHEDULE_ERROR, least)
            rows.append(
                f"| {name} | {least:.0%} | {kept.count} | {kept.promised:.0%} | "
                f"{kept.inside} ({kept.inside / kept.count:.0%}) | {kept.wrong} |"
            )
    splits = [halves(primary, seed=seed) for seed in range(1, OTHER_SPLITS + 1)]
    sigmas = [schedule_error(half)[0] for half, _ in splits]
    with_rule = [
        outcome(rest, sigma, PROMISED).holds
        for (_, rest), sigma in zip(splits, sigmas, strict=True)
    ]
    without = [outcome(rest, 1.0, 0.0).holds for _, rest in splits]
    rows += [
        "",
        f"Over {OTHER_SPLITS} other random splits, each with its own σ ({min(sigmas):.2f} to "
        f"{max(sigmas):.2f}), both criteria held on the other half in "
        f"{sum(with_rule) / OTHER_SPLITS:.0%}; without the rule in "
        f"{sum(without) / OTHER_SPLITS:.0%}.",
    ]
    return "\n".join(rows)


def _calibration(primary: list[Reading]) -> str:
    """Chances promised against shares that came, over all networks the rule is asked about."""
    rows = ["| chance promised | nets | mean chance | within ×2 |", "|---|---|---|---|"]
    asked = [(chance(each, SCHEDULE_ERROR), each) for each in primary if candidate(each)]
    for low, high in ((0.0, 0.8), (0.8, 0.9), (0.9, 1.01)):
        mine = [(found, each) for found, each in asked if low <= found < high]
        if mine:
            mean = sum(found for found, _ in mine) / len(mine)
            inside = sum(off_by(each.estimate("alo_ggn"), each.gap) <= 2 for _, each in mine)
            rows.append(
                f"| {low:.0%} to {min(high, 1):.0%} | {len(mine)} | {mean:.0%} | "
                f"{inside} ({inside / len(mine):.0%}) |"
            )
    return "\n".join(rows)


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


def verdict_table(chosen: list[Reading]) -> str:
    rows = ["| verdict | nets | ALO within ×2 | est/gap lowest | median | highest |"]
    rows.append("|---|---|---|---|---|---|")
    count = Counter(judged(each)[0] for each in chosen)
    for verdict in VERDICTS:
        mine = [each for each in chosen if judged(each)[0] == verdict]
        if not mine:
            continue
        ratios = sorted(each.estimate("alo_ggn") / each.gap for each in mine)
        inside = sum(off_by(each.estimate("alo_ggn"), each.gap) <= 2 for each in mine)
        rows.append(
            f"| {verdict} | {count[verdict]} | {inside / len(mine):.0%} | {ratios[0]:.2f} | "
            f"{ratios[len(ratios) // 2]:.2f} | {ratios[-1]:.2f} |"
        )
    return "\n".join(rows)


def _rules(chosen: list[Reading]) -> str:
    """What each rule on the Newton decrement would call a minimum, and how good ALO is there."""
    rows = ["| Newton decrement below | nets `reliable` | within ×2 | off by > ×3 | refused |"]
    rows.append("|---|---|---|---|---|")
    for name, rule in RULES.items():
        kept = [each for each in chosen if rule(each) and _otherwise_reliable(each)]
        bad = [each for each in kept if off_by(each.estimate("alo_ggn"), each.gap) > WORST_FACTOR]
        inside = sum(off_by(each.estimate("alo_ggn"), each.gap) <= 2 for each in kept)
        share = f"{inside / len(kept):.0%}" if kept else ""
        refused = sum(not rule(each) for each in chosen)
        rows.append(f"| {name} | {len(kept)} | {share} | {len(bad)} | {refused} |")
    return "\n".join(rows)


def _otherwise_reliable(reading: Reading) -> bool:
    return judged(reading, at_its_minimum=True)[0] == "reliable"


def _convex(lines: list[dict[str, Any]]) -> str:
    names = ("alo_ggn", "tic_ggn", "soft_rank_ggn", "kfac_tic", "diagonal_soft_rank")
    rows = [
        "| model | n | weight decay | E[gap] ± s.e. | "
        + " | ".join(names)
        + " | chance promised | within ×2 | verdicts |"
    ]
    rows.append("|---|" + "---|" * (len(names) + 6))
    for line in lines:
        cells = [_mean(line["gap"]), *(_mean(line["estimates"][name]) for name in names)]
        rows.append(
            f"| {line['truth']} | {line['n']} | {line['weight_decay']:g} | "
            + " | ".join(cells)
            + f" | {_promised(line)} |"
        )
    judged_by_chance = [line for line in lines if "promised" in line]
    if judged_by_chance:
        promised, kept = (
            sum(line[key] for line in judged_by_chance) / len(judged_by_chance)
            for key in ("promised", "kept")
        )
        rows += [
            "",
            f"Over the training sets of {len(judged_by_chance)} models: {promised:.0%} promised, "
            f"{kept:.0%} within ×2 of their own gap.",
        ]
    return "\n".join(rows)


def _promised(line: dict[str, Any]) -> str:
    """Empty for models analysed before there was a chance."""
    if "promised" not in line:
        return " | | "
    verdicts = ", ".join(f"{k} {v}" for k, v in line["verdicts"].items())
    return f"{line['promised']:.0%} | {line['kept']:.0%} | {verdicts}"


def _mean(found: dict[str, float]) -> str:
    return f"{found['mean']:.4f} ± {found['standard_error']:.4f}"
