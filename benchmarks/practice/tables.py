"""Tables of the practice study, in Markdown: what intervals held, what failed, who orders gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from practice.rows import Row

KINDS = ["SGD", "Adam", "AdamW", "L-BFGS", "smoothed", "new kinds of data", "all"]
HEAD = ["", "networks", "with an interval", "right", "×2", "50% held", "90% held", "median m/gap"]
VERDICTS = ["reliable", "uncertain", "no_estimate"]


def grid(head: list[str], body: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def share(count: int, of: int) -> str:
    """'12 of 16 (75%)'."""
    return f"{count} of {of} ({count / of:.0%})" if of else "–"


def held(rows: list[Row], stated: float) -> str:
    """How many intervals hold the gap, whether by what is stated, and without the gap's error."""
    n = len(rows)
    if n == 0:
        return "–"
    kept, bare = (sum(row.holds(stated, error=e) for row in rows) for e in (True, False))
    away = (kept - stated * n) / math.sqrt(n * stated * (1 - stated))
    return f"{kept} [{bare}] ({kept / n:.0%}), {away:+.1f} s.e."


def by_kind(rows: list[Row]) -> str:
    """The first table: by class of optimiser."""
    groups = {kind: [row for row in rows if kind in row.kinds] for kind in KINDS}
    head = [
        "",
        "networks",
        "with an interval",
        "right",
        "×2",
        "50% held",
        "90% held",
        "median m/gap",
    ]
    return grid(head, [_kind(kind, group) for kind, group in groups.items() if group])


def by_fact(rows: list[Row], fact: Callable[[Row], str]) -> str:
    """The same by anything else that is known of a network."""
    values = sorted({fact(row) for row in rows})
    head = [
        "",
        "networks",
        "with an interval",
        "right",
        "×2",
        "50% held",
        "90% held",
        "median m/gap",
    ]
    return grid(head, [_kind(x, [row for row in rows if fact(row) == x]) for x in values])


def _kind(name: str, group: list[Row]) -> list[str]:
    answered = [row for row in group if row.answered]
    n = len(answered)
    return [
        name,
        str(len(group)),
        share(n, len(group)),
        share(sum(row.right for row in answered), n),
        share(sum(row.within(2) for row in answered), n),
        held(answered, 0.5),
        held(answered, 0.9),
        f"{np.median([row.ratio for row in answered]):.2f}" if n else "–",
    ]


def by_verdict(rows: list[Row]) -> str:
    """What each verdict promised and kept, by class of optimiser."""
    body = []
    for verdict in VERDICTS[:2]:
        for kind in KINDS:
            group = [row for row in rows if row.verdict == verdict and kind in row.kinds]
            if group:
                body.append(_verdict(verdict, kind, group))
    return grid(["verdict", "", "networks", "×2", "worst", "90% held"], body)


def _verdict(verdict: str, kind: str, group: list[Row]) -> list[str]:
    worst = max(max(row.ratio, 1 / row.ratio) for row in group)
    two = sum(row.within(2) for row in group)
    kept = sum(row.holds(0.9) for row in group)
    return [
        verdict,
        kind,
        str(len(group)),
        share(two, len(group)),
        f"×{worst:.2f}" if math.isfinite(worst) else "gap ≤ 0",
        share(kept, len(group)),
    ]


def failures(rows: list[Row]) -> str:
    """Every network whose gap lies outside its 90% interval, one by one."""
    head = ["network", "network is", "training", "m", "90%", "gap", "m/gap", "T_alo", "top 5%"]
    return grid(head, [_failure(row) for row in rows if row.answered and not row.holds(0.9)])


def _failure(row: Row) -> list[str]:
    low, high = row.interval(0.9)
    return [
        row.case.name,
        _what(row),
        _how(row),
        f"{row.answer.m:.3g}",
        f"{low:.3g}–{high:.3g}",
        f"{row.gap:.3g} ± {row.gap_error:.2g}",
        f"{row.ratio:.2f}",
        f"{row.found['temperature']:.2f}",
        f"{row.found['top_share']:.2f}",
    ]


def _what(row: Row) -> str:
    case = row.case
    extras = [
        f"smoothing {case.smoothing}" if case.smoothing else "",
        "weighted" if case.weighted else "",
        "head alone" if case.frozen else "",
        "shifts" if case.augmentation != "none" else "",
        f"SAM {case.rho}" if case.rho else "",
        f"dropout {case.dropout}" if case.dropout else "",
    ]
    return ", ".join(filter(None, [case.architecture, f"n {case.n}", case.loss, *extras]))


def _how(row: Row) -> str:
    case = row.case
    decay = f"wd {case.weight_decay} on {case.decay_on}"
    return f"{case.schedule}, lr {case.lr}, {decay}, {case.epochs} epochs"


def refused(rows: list[Row]) -> str:
    """Networks without an interval: what they were refused for."""
    head = ["network", "network is", "gap", "ridge", "filter", "TIC/soft rank", "T_alo"]
    return grid(head, [_refused(row) for row in rows if not row.answered])


def _refused(row: Row) -> list[str]:
    found = row.found
    over = found["tic"] / found["soft_rank"] if found["soft_rank"] else math.nan
    other = "–" if found["filter"] is None else f"{found['filter']:.3g}"
    return [
        row.case.name,
        _what(row),
        f"{row.gap:.3g}",
        f"{found['ridge']:.3g}",
        other,
        f"{over:.3f}",
        f"{found['temperature']:.2f}",
    ]


def ranks(rows: list[Row], peers: Mapping[str, Mapping[str, float | None]]) -> str:
    """Kendall's τ with the measured gap: of all networks, and of those with an interval.

    Plain cross-entropy and its kin alone: a gap of squared errors is in other units.
    """
    rows = [row for row in rows if row.case.loss != "mse"]
    answered = [row for row in rows if row.answered]
    measures: dict[str, Callable[[Row], float | None]] = {
        "estimate m (ridge where there is none)": lambda row: row.answer.m or row.found["ridge"],
        "soft rank/n": lambda row: row.found["soft_rank"],
        "TIC": lambda row: row.found["tic"],
    }
    names = {
        "lambda_1": "λ₁ of the Hessian",
        "sam": "SAM sharpness, ρ 0.05",
        "norm": "‖θ‖",
        "distance": "‖θ − θ₀‖",
        "p_over_n": "p/n",
        "alpha": "WeightWatcher's alpha",
    }
    for key, said in names.items():
        measures[said] = lambda row, key=key: peers.get(row.case.name, {}).get(key)
    body = [[said, _tau(rows, of), _tau(answered, of)] for said, of in measures.items()]
    return grid(["", f"all ({len(rows)})", f"with an interval ({len(answered)})"], body)


def _tau(rows: list[Row], of: Callable[[Row], float | None]) -> str:
    pairs = [(row.gap, value) for row in rows if (value := of(row)) is not None]
    if len(pairs) < 3:
        return "–"
    gaps, values = zip(*pairs, strict=True)
    said = f"{kendalltau(gaps, values).statistic:.2f}"
    return said if len(pairs) == len(rows) else f"{said} ({len(pairs)})"


def oracle(lines: list[dict[str, Any]]) -> str:
    """Leave-one-out by training again against the estimates, example by example."""
    head = [
        "network",
        "n",
        "true mean",
        "ridge",
        "√(ridge·filter)",
        "filter",
        "Spearman, ridge",
        "r",
    ]
    return grid(head, [_oracle(line) for line in lines])


def _oracle(line: dict[str, Any]) -> list[str]:
    true, ridge = np.array(line["true"]), np.array(line["ridge"])
    other = np.array(line["filter"]) if "filter" in line else None
    order = [np.argsort(np.argsort(x)) for x in (true, ridge)]
    middle = None if other is None else math.sqrt(ridge.mean() * other.mean())
    return [
        line["name"],
        str(len(true)),
        f"{true.mean():.3f}",
        f"{ridge.mean():.3f}",
        "–" if middle is None else f"{middle:.3f}",
        "–" if other is None else f"{other.mean():.3f}",
        f"{np.corrcoef(*order)[0, 1]:.2f}",
        f"{np.corrcoef(true, ridge)[0, 1]:.2f}",
    ]
