"""Pictures of the studies that have none of their own: speed, plans, K-fold."""

from __future__ import annotations

import json
from typing import Any

from docs.drawing.belief import RESULTS, lines_of
from docs.drawing.panels import Panel, chart, keep, line, points, row

TOOLS = {
    "hessian-eigenthings": ("#b3460b", 0.16),
    "curvlinops + eigsh": ("#228833", 0.0),
    "PyHessian (tuned)": ("#AA3377", -0.16),
}
SPEED = "spectrum-2026-11-22.json"
ASKED = ("top1", "top2", "slq", "together")
NETWORKS = {"mlp": "MLP, 8,890 weights", "cnn": "CNN, 156,000 weights"}


def speed(which: str) -> Panel:
    """CPU time of each tool over ours, a row a question; what was stopped is a ring."""
    workload = json.loads((RESULTS / SPEED).read_text())["workloads"][which]
    traces: list[Any] = [line([1, 1], [-0.6, 3.6], colour="#1d5fa8", width=2)]
    words = []
    for place, key in enumerate(reversed(ASKED)):
        rows = {each["tool"]: each for each in workload[key]}
        words.append("all at once" if key == "together" else rows["minimascope"]["question"])
        for tool, (colour, beside) in TOOLS.items():
            if tool not in rows:
                continue
            at = [rows[tool]["ratio"]], [place + beside]
            traces.append(points(*at, tool if key == "top1" else "", colour=colour, size=9))
            if not rows[tool]["finished"]:
                traces.append(points(*at, colour="#ffffff", size=5))
    figure = chart(
        traces,
        x={"title": "CPU time over minimascope's", "type": "log", "range": [-0.1, 1.85]},
        y={
            "tickvals": [0, 1, 2, 3],
            "ticktext": words,
            "range": [-0.6, 3.6],
        },
        height=280,
    )
    figure.update_layout(margin={"l": 130})
    return Panel(NETWORKS[which], figure, 500)


def speeds() -> str:
    said = (
        "CPU time of three other tools over that of minimascope for four questions on two "
        "networks: all to the right of one, from 1.7 to 51; a ring where a tool was stopped early."
    )
    return row([speed(name) for name in NETWORKS], label=said)


def both(pairs: list[tuple[float, float]], name: str, colour: str) -> Any:
    return points(*zip(*pairs, strict=True), name, colour=colour, size=6)


def diagonal(low: float, high: float) -> list[Any]:
    return [
        line([low, high], [low * by, high * by], colour="#d9dce1", width=1) for by in (0.5, 1, 2)
    ]


def plans() -> str:
    """Seconds planned and taken: stages of whole analyses, and spectra of other networks."""
    known = json.loads((RESULTS / "stage_costs.json").read_text())
    traces = diagonal(0.03, 60)
    for key, words, colour in (
        ("fitted", "fitted", "#a3aab5"),
        ("unseen", "other networks", "#1d5fa8"),
    ):
        pairs = [
            (each["predicted"][stage], each["taken"][stage])
            for each in known[key]
            for stage in each["predicted"]
            if each["taken"].get(stage, 0) > 0.03
        ]
        traces.append(both(pairs, words, colour))
    axes: dict[str, Any] = {
        "x": {"title": "seconds planned", "type": "log"},
        "y": {"title": "seconds taken", "type": "log"},
    }
    stages = Panel("Stages of an analysis", chart(traces, **axes), 420)
    found = [(each["seconds"][0], each["seconds"][3]) for each in lines_of("plans.jsonl")]
    spectra = chart([*diagonal(0.1, 300), both(found, "", "#1d5fa8")], **axes)
    said = (
        "Seconds taken against seconds planned. Left: the stages of whole analyses, most of them "
        "within a factor two. Right: eighteen spectra, nearly all on the diagonal."
    )
    return row([stages, Panel("Eighteen spectra", spectra, 420)], label=said)


def folds() -> str:
    """K-fold and leave-one-out against the measured gap of the same forty networks."""
    known = lines_of("cross_validation.jsonl")
    axes: dict[str, Any] = {
        "x": {"title": "measured gap, nats", "type": "log"},
        "y": {"title": "estimate, nats", "type": "log", "range": [-3, 1.2]},
    }
    panels = []
    for title, of in (
        ("K-fold, k = 5", lambda each: each["folds"]["gap"]),
        ("Leave-one-out from curvature", lambda each: each["alo"]),
    ):
        pairs = [(each["gap"], of(each)) for each in known if min(each["gap"], of(each)) > 0]
        shown = chart([*diagonal(0.01, 8), both(pairs, "", "#1d5fa8")], **axes)
        panels.append(Panel(title, shown, 400))
    said = (
        "Estimates against the measured gap of forty networks, with lines for a factor two. Left: "
        "K-fold, nearly all inside. Right: leave-one-out from curvature, a third of them outside."
    )
    return row(panels, label=said)


PICTURES = {"speed": speeds, "plans": plans, "cross_validation": folds}

if __name__ == "__main__":
    for name, drawn in PICTURES.items():
        keep(f"evidence/{name}", drawn())
