"""Boundary map: alignment with one eigenvector over the plane, boundary, points, margins."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from minimascope.figures.plane import (
    SCALE,
    Arrays,
    boundary_line,
    class_points,
    class_words,
    field,
    kinds,
    logit_gap,
    regions,
)
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import diverging, styled

DRAWN_MARGINS = 24


def colour_bar(title: str, *, scale: int = SCALE) -> dict[str, Any]:
    """The shared bar of alignments, horizontal below the plot, labelled in units of A."""
    return {
        "orientation": "h",
        "y": -0.13,
        "yanchor": "top",
        "x": 0.5,
        "len": 0.62,
        "thickness": 9,
        "outlinewidth": 0,
        "tickvals": [-scale, -scale / 2, 0, scale / 2, scale],
        "ticktext": ["−1", "−0.5", "0", "0.5", "1"],
        "title": {"text": title, "side": "bottom", "font": {"size": 12}},
    }


INPUT_AXES = ("x₁", "x₂")
TSNE_AXES = ("t-SNE 1", "t-SNE 2")
MOST_LEVEL, MOST_UPRIGHT = 0.6, 1.12  # shapes of a map, height over width
PRINCIPAL_AXES = ("first principal direction", "second principal direction")


def margin_lines(arrays: Arrays) -> list[go.Scatter]:
    """The shortest verified paths to the boundary: a casing under a red line."""
    if "margins" not in arrays or "margin_ends" not in arrays:
        return []
    margins = np.abs(np.asarray(arrays["margins"], dtype=np.float64))
    rows = np.argsort(np.where(np.isfinite(margins), margins, np.inf))[:DRAWN_MARGINS]
    rows = rows[np.isfinite(margins[rows])]
    starts, ends = np.asarray(arrays["points"])[rows], np.asarray(arrays["margin_ends"])[rows]
    path = np.full((3 * len(rows), 2), np.nan, dtype=np.float32)
    path[0::3], path[1::3] = starts, ends
    common: dict[str, Any] = {"x": path[:, 0], "y": path[:, 1], "hoverinfo": "skip"}
    casing = go.Scatter(
        **common,
        mode="lines",
        line={"width": 4.5},
        showlegend=False,
        name="margin casing",
        **marked(Role.MARGIN_CASING, line__color="casing"),
    )
    red = go.Scatter(
        **common,
        mode="lines+markers",
        line={"width": 1.8},
        marker={"size": [0, 5, 0] * len(rows), "symbol": "circle"},
        name=f"{len(rows)} crossings",
        **marked(Role.MARGINS, line__color="red", marker__color="red"),
    )
    return [casing, red]


def corner_marks(arrays: Arrays, names: tuple[str, ...]) -> list[go.Scatter]:
    """The inputs a plane was laid through, by name; they need not be training points."""
    if "slice_corners" not in arrays:
        return []
    corners = np.asarray(arrays["slice_corners"])
    marks = go.Scatter(
        x=corners[:, 0],
        y=corners[:, 1],
        mode="markers+text",
        text=list(names),
        textposition="bottom center",
        marker={"symbol": "cross-thin-open", "size": 15, "line": {"width": 2.5}},
        name="corners of the plane",
        hoverinfo="skip",
        **marked(Role.CORNERS, marker__line__color="ink", textfont__color="ink"),
    )
    return [marks]


def _other_fields(arrays: Arrays) -> list[go.Heatmap]:
    """Decision regions and logit gap, hidden until the page shows them in place of alignment."""
    classes = regions(arrays, visible=False)
    if "slice_logit_gap" not in arrays:
        return [classes]
    gap = logit_gap(arrays, visible=False)
    own = {name: gap.colorbar[name] for name in ("tickvals", "ticktext")}
    gap.update(colorbar={**colour_bar(gap.colorbar.title.text), **own})
    return [classes, gap]


def boundary_map(
    arrays: Arrays,
    *,
    k: int = 0,
    axes: tuple[str, str] = INPUT_AXES,
    corners: tuple[str, ...] = (),
) -> go.Figure:
    """Alignment field of eigenvector k (0-based) over the drawn plane, whose axes are `axes`.

    Needs `slice_*`, `points`, `labels`; draws margins where `margin_ends` exist, and names the
    `corners` of a plane that has them.
    """
    heat = field(arrays, k)
    heat.update(showscale=True, colorbar=colour_bar(f"alignment with v<sub>{k + 1}</sub>"))
    figure = go.Figure([heat, *_other_fields(arrays), boundary_line(arrays)])
    figure.add_traces([*margin_lines(arrays), *class_points(arrays)])
    figure.add_traces(corner_marks(arrays, corners))
    x, y = np.asarray(arrays["slice_x"]), np.asarray(arrays["slice_y"])
    figure.update_xaxes(title=axes[0], range=[x[0], x[-1]], constrain="domain")
    figure.update_yaxes(title=axes[1], range=[y[0], y[-1]], scaleanchor="x", constrain="domain")
    return styled(figure, height=600, margin={"l": 56, "r": 10, "t": 34, "b": 110})


def tsne_map(arrays: Arrays) -> go.Figure:
    """Training points by t-SNE, one unit as long upwards as across.

    All it says is who is near whom, which axes of two scales would change.
    """
    figure = embedding(arrays, name="embedding_tsne", axes=TSNE_AXES)
    across, up = _ends(np.asarray(arrays["embedding_tsne"]))
    span = max(across[1] - across[0], up[1] - up[0])
    across, up = _widened(across, span / MOST_UPRIGHT), _widened(up, span * MOST_LEVEL)
    figure.update_xaxes(range=across, constrain="domain")
    figure.update_yaxes(range=up, scaleanchor="x", constrain="domain")
    return figure


def _ends(points: NDArray[Any]) -> list[list[float]]:
    """Of either axis, where it begins and ends so that points (n, 2) do not touch the frame."""
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.06 * (high - low)
    return np.column_stack([low - pad, high + pad]).tolist()


def _widened(ends: list[float], span: float) -> list[float]:
    """The same middle, and at least this span."""
    middle, half = sum(ends) / 2, max(ends[1] - ends[0], span) / 2
    return [middle - half, middle + half]


def embedding(
    arrays: Arrays, *, k: int = 0, name: str = "points", axes: tuple[str, str] = PRINCIPAL_AXES
) -> go.Figure:
    """Training points at coordinates `name` (n, 2), shape by class, colour by A_k.

    For inputs that are not 2-D; an embedding holds no boundary, so none is drawn. Colour by class
    where no alignment is known.
    """
    points, labels = np.asarray(arrays[name]), np.asarray(arrays["labels"])
    if "alignment" not in arrays:
        return _by_class(arrays, points, axes)
    colours = np.asarray(arrays["alignment"])[k]
    figure = go.Figure()
    for index, kind in enumerate(kinds(arrays)):
        rows = kind.rows
        marker = {
            "symbol": kind.symbol,
            "size": 8,
            "color": np.asarray(colours[rows], dtype=np.float32),
            "cmin": -1,
            "cmax": 1,
            "colorscale": diverging(),
            "line": {"width": 1},
            "showscale": index == 0,
        }
        if index == 0:
            marker["colorbar"] = colour_bar(f"alignment with v<sub>{k + 1}</sub>", scale=1)
        figure.add_scatter(
            x=points[rows, 0],
            y=points[rows, 1],
            mode="markers",
            name=kind.name,
            marker=marker,
            text=None if kind.one_class else class_words(kind, labels),
            customdata=np.column_stack([rows, colours[rows]]),
            hovertemplate=f"point %{{customdata[0]}}, {kind.name}"
            f"<br>alignment %{{customdata[1]:.3f}}{kind.more}<extra></extra>",
            **marked(
                Role.POINTS,
                more={"class_colour": kind.colour},
                marker__colorscale="diverging",
                marker__line__color="muted",
            ),
        )
    across, up = _ends(points)
    figure.update_xaxes(title=axes[0], range=across)
    figure.update_yaxes(title=axes[1], range=up)
    return styled(figure, height=600, margin={"l": 50, "r": 10, "t": 34, "b": 110})


def _by_class(arrays: Arrays, points: NDArray[Any], axes: tuple[str, str]) -> go.Figure:
    figure = go.Figure(class_points({**arrays, "points": points}))
    across, up = _ends(points)
    figure.update_xaxes(title=axes[0], range=across)
    figure.update_yaxes(title=axes[1], range=up)
    return styled(figure, height=560, margin={"l": 50, "r": 10, "t": 34, "b": 60})
