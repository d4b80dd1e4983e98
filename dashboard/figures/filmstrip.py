"""Filmstrip: the decision boundary and one tile per eigenvector, on one colour scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.plane import (
    Arrays,
    boundary_line,
    class_points,
    explained_line,
    explained_share,
    field,
    regions,
)
from dashboard.figures.theme import styled

GAP = 0.012
CAPTION = 30


def power_text(value: float) -> str:
    """A number as `1.13·10⁻¹` in Plotly's HTML subset, three significant digits."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -2 <= exponent <= 4:
        decimals = max(2 - exponent, 0)
        text = f"{value:,.{decimals}f}"
        short = text.rstrip("0").rstrip(".") if decimals else text
        return short.replace("-", "−").replace(",", "\u2009")
    mantissa = f"{value / 10.0**exponent:.3g}".replace("-", "−")
    return f"{mantissa}·10<sup>{str(exponent).replace('-', '−')}</sup>"


def domains(tiles: int, columns: int, height: int) -> list[tuple[list[float], list[float]]]:
    """Paper-coordinate x and y domains of each tile, captions below; as in `figures.js`."""
    rows = math.ceil(tiles / columns)
    width = (1 - GAP * (columns - 1)) / columns
    tall, caption = 1 / rows, CAPTION / height
    boxes = []
    for tile in range(tiles):
        row, column = divmod(tile, columns)
        left, top = column * (width + GAP), 1 - row * tall
        boxes.append(([left, left + width], [top - tall + caption, top]))
    return boxes


def _caption(arrays: Arrays, eigenvalues: list[float], tile: int, *, explained: bool) -> str:
    if tile == 0:
        return "decision boundary"
    words = f"v<sub>{tile}</sub>  λ = {power_text(eigenvalues[tile - 1])}"
    share = f"  {explained_share(arrays, tile - 1):.0%}" if explained else ""
    return words + share.replace("%", "\u2009%")


def filmstrip(arrays: Arrays, eigenvalues: list[float], *, columns: int = 6) -> go.Figure:
    """Boundary tile, then v₁..v_k with λ_k under each; needs `slice_*` and `points`.

    With `slice_boundary_vector` every tile marks the sections its vector explains, and their share.
    """
    explained = "slice_boundary_vector" in arrays
    count = min(len(arrays["slice_alignment"]), len(eigenvalues))
    tiles = count + 1
    columns = min(columns, tiles)
    height = 210 * math.ceil(tiles / columns)
    x, y = np.asarray(arrays["slice_x"]), np.asarray(arrays["slice_y"])
    figure = go.Figure()
    captions: list[dict[str, Any]] = []
    for tile, (across, down) in enumerate(domains(tiles, columns, height)):
        suffix = "" if tile == 0 else str(tile + 1)
        where: dict[str, Any] = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showlegend": False}
        axes = {k: v for k, v in where.items() if k != "showlegend"}
        if tile == 0:
            figure.add_trace(regions(arrays, **axes))
            figure.add_traces(class_points(arrays, size=4, **where))
        else:
            heat = field(arrays, tile - 1, **axes)
            heat.hovertemplate = f"v<sub>{tile}</sub>, click to show<extra></extra>"
            figure.add_trace(heat)
        if tile and explained:
            figure.add_trace(boundary_line(arrays, width=1, colour="muted", **where))
            figure.add_trace(explained_line(arrays, tile - 1, **where))
        else:
            figure.add_trace(boundary_line(arrays, width=1.3, **where))
        frame = {"visible": False, "fixedrange": True}
        figure.update_layout(
            {
                f"xaxis{suffix}": {**frame, "domain": across, "range": [x[0], x[-1]]},
                f"yaxis{suffix}": {
                    **frame,
                    "domain": down,
                    "range": [y[0], y[-1]],
                    "anchor": f"x{suffix}",
                },
            }
        )
        captions.append(
            {
                "text": _caption(arrays, eigenvalues, tile, explained=explained),
                "x": sum(across) / 2,
                "y": down[0],
                "xref": "paper",
                "yref": "paper",
                "xanchor": "center",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 12},
            }
        )
    figure.update_layout(annotations=captions)
    return styled(figure, height=height, margin={"l": 0, "r": 0, "t": 2, "b": 2})
