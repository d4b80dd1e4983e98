"""The claims of "Unveiling the Hessian's Connection to the Decision Boundary" on our networks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from docs.drawing.belief import RESULTS
from docs.drawing.panels import Panel, chart, keep, line, points, row
from minimascope.figures.theme import class_colour

PROBLEMS = ("gauss", "circle", "half-moon", "checkerboard", "hierarchical")
TRUE_LABELS = ("normal", "wide-margin", "large-norm", "adversarial")


def minima(problem: str) -> dict[str, dict[str, Any]]:
    """What the boundary study measured of each minimum of a problem."""
    return json.loads((RESULTS / f"boundary_{problem}.json").read_text())["minima"]


def flips() -> Panel:
    """How often v₁ to v₅ change sign strongly, at the boundary and elsewhere; random beside it."""
    cross, inside, random = [], [], []
    for place, problem in enumerate(PROBLEMS):
        for each in minima(problem).values():
            cross += [(place - 0.2, share) for share in each["strong_cross"]]
            inside += [(place, share) for share in each["strong_inside"]]
            random.append((place + 0.2, each["random_cross"]))
    traces = [
        points(*zip(*kind, strict=True), name, colour=colour, size=5)
        for kind, name, colour in (
            (cross, "at the boundary", "#1d5fa8"),
            (inside, "elsewhere", "#b3460b"),
            (random, "random", "#a3aab5"),
        )
    ]
    ticks = {"tickvals": list(range(5)), "ticktext": list(PROBLEMS), "range": [-0.5, 4.5]}
    y = {"title": "share of edges that flip", "range": [-0.05, 1.05]}
    return Panel("v₁ … v₅ change sign", chart(traces, x=ticks, y=y, height=320), 430)


def g_and_accuracy() -> Panel:
    """Test accuracy against G as an interval; hollow where the labels were random."""
    traces: list[Any] = []
    for place, problem in enumerate(PROBLEMS):
        for name, each in minima(problem).items():
            colour = class_colour(place) if name in TRUE_LABELS else "#a3aab5"
            ends = [max(each["G"], 1e-3), max(each["G_at_most"], 1e-3)]
            traces.append(line(ends, [each["test_accuracy"]] * 2, colour=colour, width=1.5))
            traces.append(points(ends[:1], [each["test_accuracy"]], colour=colour, size=7))
    x = {"title": "G(ε), an interval"}
    y = {"title": "test accuracy", "range": [0.2, 1.03]}
    figure = chart(traces, x=x, y=y, height=320)
    return Panel("Random labels in grey", figure, 330)


def margins() -> Panel:
    """Eigenvector margin against the closest crossing, a point a minimum."""
    pairs = [(m["margin"], m["eigenvector_margin"]) for p in PROBLEMS for m in minima(p).values()]
    x, y = np.array(pairs).T
    traces: list[Any] = [
        line([1e-4, 1], [1e-4 * by, by], colour="#d9dce1", width=1) for by in (1, 2)
    ]
    traces.append(points(x, y, size=6))
    figure = chart(
        traces,
        x={"title": "smallest margin (closest crossing)", "type": "log"},
        y={"title": "eigenvector margin", "type": "log"},
        height=320,
    )
    return Panel("The estimate, a point a minimum", figure, 330)


def picture() -> str:
    said = (
        "Left: on all five problems top eigenvectors change sign on nearly all boundary edges and "
        "nearly nowhere else; random directions flip at the boundary as well. Middle: accuracy "
        "against G; random labels have a small G all the same. Right: the eigenvector margin is "
        "mostly within twice the closest crossing, in three minima far above."
    )
    return row([flips(), g_and_accuracy(), margins()], label=said)


if __name__ == "__main__":
    keep("papers/hessian_boundary", picture())
