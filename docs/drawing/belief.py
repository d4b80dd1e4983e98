"""When not to believe a gap: the demo minima, and the networks of the last blind set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.drawing.demos import demo
from docs.drawing.intervals import Row, intervals
from docs.drawing.panels import Panel, chart, keep, line, points, row

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SHOWN = ("digits-cnn", "weight-decay", "weak-decay", "adversarial-start")
COLOURS = {"reliable": "#1a7037", "uncertain": "#1d5fa8", "no_estimate": "#a3aab5"}
LEAST = 3e-3  # nats: what is below is drawn here


def lines_of(name: str) -> list[dict[str, Any]]:
    """Of a study's results, a dictionary a network."""
    return [json.loads(each) for each in (RESULTS / name).read_text().splitlines()]


def blind() -> Panel:
    """Estimate and measured gap of the fourth blind set, by the word the product gave."""
    gaps = {each["name"]: each["gap"] for each in lines_of("practice_networks.jsonl")}
    found = [each for each in lines_of("practice_product.jsonl") if each["name"].startswith("f")]
    traces: list[Any] = [
        line([LEAST, 5], [LEAST * by, 5 * by], colour="#d9dce1", width=1) for by in (0.5, 1, 2)
    ]
    for word in ("uncertain", "reliable"):
        named = [each for each in found if each["verdict"] == word and each.get("m")]
        x = [max(each["m"], LEAST) for each in named]
        y = [max(gaps[each["name"]], LEAST) for each in named]
        traces.append(points(x, y, f"{word} ({len(named)})", colour=COLOURS[word], size=7))
    figure = chart(
        traces,
        x={"title": "estimate, nats", "type": "log"},
        y={"title": "measured gap, nats", "type": "log"},
    )
    return Panel("Networks listed before they were trained", figure, 400)


def picture() -> str:
    rows = []
    for name in SHOWN:
        gap = demo(name).report.gap
        word = gap.verdict.replace("_", " ")
        rows.append(Row(f"{name}: {word}", gap))
    said = (
        "Left: the four minima shipped with the product. Two have an estimate with its intervals, "
        "and the measured gap lies in them; two have none, and their measured gaps are large. "
        "Right: estimate against measured gap of the last blind set, close to the diagonal where "
        "the word is reliable."
    )
    panel = Panel("Four minima: estimate (blue), measured (red)", intervals(rows), 440)
    return row([panel, blind()], label=said)


if __name__ == "__main__":
    keep("concepts/belief", picture())
