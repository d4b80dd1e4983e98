"""Filmstrip: the decision boundary and one tile per eigenvector, on one colour scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.plane import (
    Arrays,
    boundary_line,
    class_points,
    explained_line,
    explained_share,
    field,
    regions,
)
from minimascope.figures.theme import styled

GAP = 0.012  # of the strip's width, between tiles
CAPTION = 30  # pixels below a tile
SHAPES = (0.6, 1.4)  # of a tile in the browser, height over width


def power_text(value: float) -> str:
    """A number as `1.13·10⁻¹` in Plotly's HTML subset, three significant digits."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -2 <= exponent <= 4:
        decimals = max(2 - exponent, 0)
        text = f"{value:,.{decimals}f}"
        short = text.rstrip("0").rstrip(".") if decimals else text
        return short.replace("-", "−").replace(",", "\u202f")
    mantissa = f"{value / 10.0**exponent:.3g}".replace("-", "−")
    return f"{mantissa}·10<sup>{str(exponent).replace('-', '−')}</sup>"


def domains(tiles: int, columns: int, height: int) -> list[tuple[list[float], list[float]]]:
    """Paper-coordinate x and y domains of each tile, captions below; as in `figures/strip.mjs`."""
    rows = math.ceil(tiles / columns)
    width = (1 - GAP * (columns - 1)) / columns
    tall, caption = 1 / rows, CAPTION / height
    boxes = []
    for tile in range(tiles):
        row, column = divmod(tile, columns)
        left, top = column * (width + GAP), 1 - row * tall
        boxes.append(([left, left + width], [top - tall + caption, top]))
    return boxes


def _caption(text: str, x: float, y: float) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12},
    }


def _words(arrays: Arrays, eigenvalues: Sequence[float], vector: int, *, explained: bool) -> str:
    """Under a tile: `v`, its eigenvalue and its share; for vector 0 the decision boundary."""
    if vector == 0:
        return "decision boundary"
    words = f"v<sub>{vector}</sub>  λ = {power_text(eigenvalues[vector - 1])}"
    share = f" · {explained_share(arrays, vector - 1):.0%}" if explained else ""
    return words + share.replace("%", "\u202f%")


def filmstrip(
    arrays: Arrays,
    eigenvalues: Sequence[float],
    *,
    columns: int = 6,
    vectors: Sequence[int] | None = None,
) -> go.Figure:
    """Boundary tile, then a tile for each of `vectors` (1-based; all where None) with its λ.

    Needs `slice_*`, `points` and `labels`; vectors that are not known are left out. The browser
    paints these tiles on canvases; the figure itself is what is exported. With
    `slice_boundary_vector` every tile marks the sections its vector explains, and their share.
    """
    explained = "slice_boundary_vector" in arrays
    count = min(len(arrays["slice_alignment"]), len(eigenvalues))
    shown = range(1, count + 1) if vectors is None else [k for k in vectors if k <= count]
    tiles = len(shown) + 1
    columns = min(columns, tiles)
    height = 210 * math.ceil(tiles / columns)
    x, y = np.asarray(arrays["slice_x"]), np.asarray(arrays["slice_y"])
    figure = go.Figure()
    captions: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for tile, (across, down) in enumerate(domains(tiles, columns, height)):
        suffix = "" if tile == 0 else str(tile + 1)
        vector = shown[tile - 1] if tile else 0
        where: dict[str, Any] = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showlegend": False}
        axes = {k: v for k, v in where.items() if k != "showlegend"}
        if tile == 0:
            figure.add_trace(regions(arrays, **axes))
            figure.add_traces(class_points(arrays, size=4, **where))
        else:
            figure.add_trace(field(arrays, vector - 1, **axes))
        if vector and explained:
            figure.add_trace(boundary_line(arrays, width=1, colour="muted", **where))
            figure.add_trace(explained_line(arrays, vector - 1, **where))
        else:
            figure.add_trace(boundary_line(arrays, width=1.3, **where))
        frame = {"visible": False, "fixedrange": True}
        layout[f"xaxis{suffix}"] = {**frame, "domain": across, "range": [x[0], x[-1]]}
        layout[f"yaxis{suffix}"] = {
            **frame,
            "domain": down,
            "range": [y[0], y[-1]],
            "anchor": f"x{suffix}",
        }
        words = _words(arrays, eigenvalues, vector, explained=explained)
        captions.append(_caption(words, sum(across) / 2, down[0]))
    figure.update_layout(annotations=captions, **layout)
    return styled(figure, height=height, margin={"l": 0, "r": 0, "t": 2, "b": 2})
