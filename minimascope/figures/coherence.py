"""Gradient coherence: cosines between the gradients of single training points, sorted by class."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.boundary_map import colour_bar
from minimascope.figures.plane import SCALE, Arrays, quantized
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import MANY_CLASSES, styled


def class_starts(classes: np.ndarray) -> list[int]:
    """Where each run of one class begins, and the end of the last."""
    return [0, *(np.flatnonzero(np.diff(classes)) + 1).tolist(), len(classes)]


def _edges(starts: list[int]) -> list[dict[str, Any]]:
    """Lines between the classes, across the whole matrix."""
    low, high = -0.5, starts[-1] - 0.5
    line: dict[str, Any] = {"type": "line", "line": {"width": 1}}
    shapes = []
    for edge in [start - 0.5 for start in starts[1:-1]]:
        shapes.append({**line, "x0": edge, "x1": edge, "y0": low, "y1": high})
        shapes.append({**line, "y0": edge, "y1": edge, "x0": low, "x1": high})
    return shapes


def coherence_figure(arrays: Arrays) -> go.Figure:
    """The matrix on PuOr from −1 to 1, lines between classes unless they are many.

    Needs `coherence*` and `predictions`. Rows and columns are training points in the order of the
    network's own classes.
    """
    order = np.asarray(arrays["coherence_order"])
    classes = np.asarray(arrays["predictions"])[order]
    starts = class_starts(classes)
    rows = [str(row) for row in order]
    heat = go.Heatmap(
        z=quantized(arrays["coherence"]),
        x=rows,
        y=rows,
        zmin=-SCALE,
        zmax=SCALE,
        name="cosine of gradients",
        colorbar={**colour_bar("cosine of the gradients of two training points"), "y": -0.09},
        hovertemplate="points %{y} and %{x}<extra></extra>",
        **marked(Role.COHERENCE, colorscale="diverging"),
    )
    told = len(starts) <= MANY_CLASSES + 1
    shapes = _edges(starts) if told else []
    inked = {f"shapes.{index}.line.color": "ink" for index in range(len(shapes))}
    figure = go.Figure(heat, {"shapes": shapes, "meta": {"tokens": inked}})
    middles = [(a + b - 1) / 2 for a, b in pairwise(starts)]
    axis: dict[str, Any] = {
        "type": "category",
        "tickvals": middles if told else [],
        "ticktext": [f"class {classes[start]}" for start in starts[:-1]] if told else [],
        "constrain": "domain",
    }
    ends = [-0.5, len(order) - 0.5]
    figure.update_xaxes(range=ends, **axis)
    figure.update_yaxes(range=ends[::-1], scaleanchor="x", **axis)
    return styled(figure, height=560, margin={"l": 66, "r": 10, "t": 10, "b": 92})
