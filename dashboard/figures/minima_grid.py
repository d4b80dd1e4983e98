"""Rows of minima, columns of decision boundary and eigenvectors: the paper's own figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.filmstrip import power_text
from dashboard.figures.plane import Arrays, boundary_line, class_points, field, regions
from dashboard.figures.theme import styled

PIXELS = 100  # a side of a tile; more would not be seen at a sixth of the page


@dataclass(frozen=True)
class GridRow:
    """One minimum: its name, `slice_*`, `points`, `labels` arrays, and top eigenvalues."""

    name: str
    arrays: Arrays
    eigenvalues: Sequence[float]


def thinned(arrays: Arrays) -> dict[str, Any]:
    """The slice on at most 2·PIXELS − 1 pixels a side, every s-th of each axis."""
    step = max(len(arrays["slice_x"]) // PIXELS, 1)
    thin = {name: arrays[name][::step] for name in ("slice_x", "slice_y")}
    thin["slice_class"] = arrays["slice_class"][::step, ::step]
    thin["slice_alignment"] = arrays["slice_alignment"][:, ::step, ::step]
    return {**arrays, **thin}


def _tile(row: GridRow, arrays: Arrays, vector: int | None, axes: dict[str, Any]) -> list[Any]:
    line = boundary_line(arrays, width=1.2, showlegend=False, **axes)
    if vector is None:
        points = class_points(arrays, size=3.5, showlegend=False, **axes)
        return [regions(arrays, **axes), *points, line]
    heat = field(arrays, vector - 1, **axes)
    heat.name = f"{row.name}, alignment with v{vector}"
    heat.hovertemplate = f"{row.name}, v<sub>{vector}</sub><extra></extra>"
    return [heat, line]


def minima_grid(rows: Sequence[GridRow], vectors: Sequence[int]) -> go.Figure:
    """One row a minimum on one scale −1 … 1; `vectors` are 1-based, absent ones stay empty.

    `layout.meta` says how many rows and columns there are; the browser lays them out by width.
    Annotations come row by row: the row's name, then one caption a tile.
    """
    figure = go.Figure()
    columns = 1 + len(vectors)
    notes: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for index, row in enumerate(rows):
        arrays = thinned(row.arrays)
        notes.append(_note(f"<b>{row.name}</b>", 13))
        known = min(len(arrays["slice_alignment"]), len(row.eigenvalues))
        x, y = np.asarray(arrays["slice_x"]), np.asarray(arrays["slice_y"])
        for column, vector in enumerate((None, *vectors)):
            tile = index * columns + column
            suffix = "" if tile == 0 else str(tile + 1)
            axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            here = vector is None or vector <= known
            if here:
                figure.add_traces(_tile(row, arrays, vector, axes))
            frame = {"visible": False, "fixedrange": True}
            layout[f"xaxis{suffix}"] = {**frame, "range": [x[0], x[-1]]}
            layout[f"yaxis{suffix}"] = {**frame, "range": [y[0], y[-1]], "anchor": f"x{suffix}"}
            notes.append(_note(_caption(vector, row, here=here), 11))
    meta = {"rows": len(rows), "columns": columns}
    figure.update_layout(annotations=notes, meta=meta, **layout)
    return styled(figure, height=230 * max(len(rows), 1), margin={"l": 0, "r": 0, "t": 2, "b": 2})


def _caption(vector: int | None, row: GridRow, *, here: bool) -> str:
    if vector is None:
        return "decision boundary"
    value = power_text(row.eigenvalues[vector - 1]) if here else "not computed"
    return f"v<sub>{vector}</sub>  λ = {value}" if here else f"v<sub>{vector}</sub> {value}"


def _note(text: str, size: int) -> dict[str, Any]:
    return {
        "text": text,
        "x": 0,
        "y": 0,
        "xref": "paper",
        "yref": "paper",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": size},
    }
