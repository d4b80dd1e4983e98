"""What a margin bracket says: a ball that is certified, the closest crossing, and all points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docs.drawing.demos import Demo, boundary_of, demo, spiral_network
from docs.drawing.panels import Panel, chart, keep, line, plane, points, row

CERTIFIED, CROSSING = "#1a7037", "#c2290a"
SEEN = 0.5  # in units of the inputs


def circle(centre: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], ...]:
    angle = np.linspace(0, 2 * np.pi, 120)
    return centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)


def chosen(found: Demo) -> int:
    """The right point whose closest crossing is nearest to a length that can be seen."""
    right = found.arrays["predictions"] == found.arrays["labels"]
    return int(np.argmin(np.where(right, abs(found.arrays["margins"] - SEEN), np.inf)))


def one(name: str) -> Panel:
    found = demo(name)
    i = chosen(found)
    at = found.arrays["points"][i].astype(np.float64)
    low, high = float(found.arrays["margins_lower"][i]), float(found.arrays["margins"][i])
    end = found.arrays["margin_ends"][i]
    reach = 1.7 * high
    shown = (at[0] - reach, at[0] + reach, at[1] - reach, at[1] + reach)
    drawn = boundary_of(spiral_network(name)[0], shown)
    traces = [
        line(drawn[:, 0], drawn[:, 1], width=2.5),
        line(*circle(at, low), colour=CERTIFIED, width=2.5),
        line([at[0], end[0]], [at[1], end[1]], colour=CROSSING),
        points([at[0]], [at[1]], colour="#1a1c20", size=8),
    ]
    return Panel(f"A spiral's point: [{low:.4g}, {high:.4g}]", plane(traces, shown), 300)


def all_points(name: str) -> Panel:
    """Both ends of every right point's bracket, in the order of the upper ends."""
    found = demo(name)
    low, high = found.arrays["margins_lower"], found.arrays["margins"]
    right = np.flatnonzero(found.arrays["predictions"] == found.arrays["labels"])
    order = right[np.argsort(high[right])]
    share = np.arange(1, len(order) + 1) / len(order)
    figure = chart(
        [
            points(low[order], share, "certified", colour=CERTIFIED, size=5),
            line(high[order], share, "closest crossing", colour=CROSSING),
        ],
        x={"title": "distance to the boundary", "type": "log"},
        y={"title": "share of right points"},
    )
    return Panel("Digits, a CNN: all right points", figure, 400)


def picture() -> str:
    said = (
        "Left: a training point in the plane, the ball around it in which no change of class is "
        "possible, and the closest crossing found, which ends on it. Right: both ends "
        "of the bracket for every image that a small CNN gets right; there they differ."
    )
    return row([one("weight-decay"), all_points("digits-cnn")], label=said)


if __name__ == "__main__":
    keep("concepts/bracket", picture())
