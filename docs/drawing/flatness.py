"""The claim of "Flatness After All?" on our networks: soft rank/n is the gap of a calibrated one.

Calibrated: T, by which the outputs of left-out examples are to be divided for the least loss, is 1.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docs.drawing.belief import lines_of
from docs.drawing.panels import Panel, chart, keep, line, points, row

STUDIES = (
    ("gap_study.jsonl", "124 networks", "#a3aab5"),
    ("gap_blind.jsonl", "60 blind", "#1d5fa8"),
)
LEAST_GAP = 0.01  # nats; a ratio to less is one to noise
REACH = (0.2, 30.0)  # of T: beyond are networks that interpolate
CALIBRATED = (0.8, 1.3)
BANDS = ((0.0, 0.8), CALIBRATED, (1.3, 3.0), (3.0, np.inf))
Columns = dict[str, NDArray[np.float64]]


def columns(name: str) -> Columns:
    """T and each estimate over the measured gap, of a study's networks with a gap."""
    kept: list[dict[str, float]] = []
    for each in lines_of(name):
        reading = each["readings"].get(each["primary"])
        if reading is None or each["gap"] < LEAST_GAP:
            continue
        found = reading["estimates"]
        ratios = {key: found[f"{key}_ggn"] / each["gap"] for key in ("alo", "soft_rank", "tic")}
        kept.append({"T": reading["diagnostics"]["t_alo"], **ratios})
    return {key: np.array([each[key] for each in kept]) for key in kept[0]}


def against_temperature(key: str, title: str) -> Panel:
    low, high = REACH
    traces: list[Any] = [line(REACH, [by, by], colour="#d9dce1", width=1) for by in (0.5, 1.0, 2.0)]
    traces.append(line([1, 1], [0.02, 20], colour="#c2290a", dash="dash", width=1.2))
    for name, words, colour in STUDIES:
        found = columns(name)
        shown = (found["T"] > low) & (found["T"] < high)
        y = np.clip(found[key][shown], 0.02, 20)
        traces.append(points(found["T"][shown], y, words, colour=colour, size=6))
    figure = chart(
        traces,
        x={"title": "T of left-out examples", "type": "log"},
        y={"title": "estimate / measured gap", "type": "log", "range": [-1.75, 1.35]},
    )
    return Panel(title, figure, 330)


def convex() -> Panel:
    """Softmax regression: soft rank over the expected gap, where the model is right and wrong."""
    traces: list[Any] = [line([8e-4, 0.13], [1, 1], colour="#d9dce1", width=1)]
    known = lines_of("gap_convex.jsonl")
    for truth, words, colour in (
        ("well_specified", "right", "#1d5fa8"),
        ("quadratic", "wrong", "#b3460b"),
    ):
        for n in (60, 240):
            rows = [r for r in known if r["truth"] == truth and r["n"] == n]
            x = [r["weight_decay"] for r in rows]
            y = [r["estimates"]["soft_rank_ggn"]["mean"] / r["gap"]["mean"] for r in rows]
            dash = "solid" if n == 240 else "dash"
            traces.append(line(x, y, f"{words}, {n}", colour=colour, dash=dash))
    figure = chart(
        traces,
        x={"title": "weight decay", "type": "log", "tickvals": [1e-3, 1e-2, 1e-1]},
        y={"title": "soft rank/n over E[gap]", "range": [0.5, 1.75]},
    )
    return Panel("Softmax regression, 200 sets each", figure, 420)


def counted() -> list[dict[str, Any]]:
    """For each band of T: networks, median estimate/gap and share within two, by estimate."""
    rows = []
    for name, words, _ in STUDIES:
        found = columns(name)
        for low, high in BANDS:
            inside = (found["T"] >= low) & (found["T"] < high)
            told: dict[str, Any] = {"study": words, "T": (low, high)}
            told["networks"] = int(inside.sum())
            for key in ("soft_rank", "tic", "alo"):
                ratio = found[key][inside]
                if len(ratio):
                    within = np.abs(np.log(ratio)) < np.log(2)
                    told[key] = (round(float(np.median(ratio)), 2), int(within.sum()))
            rows.append(told)
    return rows


def picture() -> str:
    said = (
        "Left: soft rank over n against the measured gap, over the temperature of left-out "
        "examples: near one where T is one, too high below, too low above. Middle: "
        "leave-one-out over the same networks, near one. Right: softmax regression; soft "
        "rank is too high under strong weight decay."
    )
    panels = [
        against_temperature("soft_rank", "Soft rank / n"),
        against_temperature("alo", "Leave-one-out"),
        convex(),
    ]
    return row(panels, label=said)


if __name__ == "__main__":
    keep("papers/flatness", picture())
    for each in counted():
        print(json.dumps(each, ensure_ascii=False))
