"""What every picture of the input plane shares: the int8 field, the boundary, the points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.theme import class_colour, class_symbol, tokens

Arrays = Mapping[str, NDArray[Any]]
SCALE = 127
PIXELS = 100  # a side of a tile of many; more would not be seen at a sixth of the page
SMALL = 5.0  # marker size below which an outline would hide the colour


def quantized(alignment: NDArray[Any]) -> NDArray[np.int8]:
    """Alignments in [−1, 1] as int8 (steps of 1/127): a tenth of the bytes of JSON."""
    finite = np.nan_to_num(np.asarray(alignment, dtype=np.float64), nan=0.0)
    return np.rint(np.clip(finite, -1, 1) * SCALE).astype(np.int8)


def thinned(arrays: Arrays) -> Arrays:
    """The slice on at most 2·PIXELS − 1 pixels a side: every s-th of each axis."""
    step = max(len(arrays["slice_x"]) // PIXELS, 1)
    thin = {name: arrays[name][::step] for name in ("slice_x", "slice_y")}
    thin["slice_class"] = arrays["slice_class"][::step, ::step]
    thin["slice_alignment"] = arrays["slice_alignment"][:, ::step, ::step]
    return {**arrays, **thin}


def field(arrays: Arrays, k: int, **where: Any) -> go.Heatmap:
    """Alignment of eigenvector k (0-based) over the plane, PuOr on a fixed [−1, 1]."""
    x, y = arrays["slice_x"], arrays["slice_y"]
    return go.Heatmap(
        z=quantized(arrays["slice_alignment"][k]),
        x0=float(x[0]),
        dx=float(x[1] - x[0]),
        y0=float(y[0]),
        dy=float(y[1] - y[0]),
        zmin=-SCALE,
        zmax=SCALE,
        zsmooth="fast",
        showscale=False,
        name=f"alignment with v{k + 1}",
        hovertemplate="(%{x:.2f}, %{y:.2f})<extra></extra>",
        **tokens(colorscale="diverging"),
        **where,
    )


def regions(arrays: Arrays, **where: Any) -> go.Heatmap:
    """Decision regions: the class of every pixel of the plane, in faint class colours."""
    x, y = arrays["slice_x"], arrays["slice_y"]
    classes = np.asarray(arrays["slice_class"])
    count = max(int(classes.max()) + 1, 2)
    scale: list[list[Any]] = []
    for c in range(count):
        scale += [[c / count, class_colour(c)], [(c + 1) / count, class_colour(c)]]
    return go.Heatmap(
        z=classes.astype(np.int8),
        x0=float(x[0]),
        dx=float(x[1] - x[0]),
        y0=float(y[0]),
        dy=float(y[1] - y[0]),
        zmin=-0.5,
        zmax=count - 0.5,
        colorscale=scale,
        opacity=0.28,
        zsmooth=False,
        showscale=False,
        name="decision regions",
        hoverinfo="skip",
        **where,
    )


def boundary_line(arrays: Arrays, *, width: float = 2.5, **where: Any) -> go.Scatter:
    """The decision boundary as a thick ink line; NaN rows separate the polylines."""
    line = np.asarray(arrays["slice_boundary"], dtype=np.float32)
    return go.Scatter(
        x=line[:, 0],
        y=line[:, 1],
        mode="lines",
        line={"width": width},
        name="decision boundary",
        hoverinfo="skip",
        **tokens(line__color="ink"),
        **where,
    )


def class_points(arrays: Arrays, *, size: float = 8, **where: Any) -> list[go.Scatter]:
    """Training points, one trace a class, colour and shape; hover gives the record."""
    points, labels = np.asarray(arrays["points"]), np.asarray(arrays["labels"])
    margins = arrays.get("margins")
    traces = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        margin = np.full(len(rows), np.nan) if margins is None else np.asarray(margins)[rows]
        traces.append(
            go.Scatter(
                x=points[rows, 0],
                y=points[rows, 1],
                mode="markers",
                name=f"class {label}",
                marker={
                    "symbol": class_symbol(int(label)),
                    "size": size,
                    "color": class_colour(int(label)),
                    "line": {"width": 1 if size > SMALL else 0.4},
                },
                customdata=np.column_stack([rows, margin]),
                hovertemplate=f"point %{{customdata[0]}}, class {label}"
                "<br>margin ≤ %{customdata[1]:.3f}<extra></extra>",
                **tokens(marker__line__color="halo"),
                **where,
            )
        )
    return traces
