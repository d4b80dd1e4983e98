"""Loss surface: mean loss over θ + a v₁ + b v₂, on training and on test examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from contourpy import contour_generator

from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.symlog import Floats
from minimascope.figures.theme import styled

NEEDED = ("surface_a", "surface_b", "surface_train")
LEVELS = 9
ROUNDING = 1e-12  # of a step that is 0
# Cividis (Nuñez, Anderton and Renslow 2018): even steps of lightness in every kind of sight.
CIVIDIS = ("#00224e", "#2f4070", "#575d6d", "#7c7b78", "#a59c74", "#d2c060", "#fee838")


def has_surface(arrays: Arrays) -> bool:
    """Whether there is a surface to draw."""
    return all(name in arrays for name in NEEDED)


def _levels(losses: Floats) -> Floats:
    """Equal factors from just above the lowest loss to the highest."""
    known = losses[np.isfinite(losses) & (losses > 0)]
    low, high = (known.min(), known.max()) if known.size else (1.0, 1.0)
    return np.geomspace(low, high, LEVELS + 2)[1:-1] if high > low else np.zeros(0)


def _lines(a: Floats, b: Floats, losses: Floats, levels: Floats) -> tuple[list[Any], list[Any]]:
    """x and y of every line of equal loss, None between lines."""
    drawn = contour_generator(a, b, np.ma.masked_invalid(losses))
    x: list[Any] = []
    y: list[Any] = []
    for level in levels:
        for line in drawn.lines(float(level)):
            x += [*np.asarray(line)[:, 0].tolist(), None]
            y += [*np.asarray(line)[:, 1].tolist(), None]
    return x, y


def _panel(arrays: Arrays, split: str, ends: tuple[float, float], **where: Any) -> list[Any]:
    """The field, its lines of equal loss, where the network stands and where it would be lowest."""
    a, b = (np.asarray(arrays[name], dtype=np.float64) for name in ("surface_a", "surface_b"))
    losses = np.asarray(arrays[f"surface_{split}"], dtype=np.float64)
    words = "training loss" if split == "train" else "test loss"
    field = go.Heatmap(
        x=a,
        y=b,
        z=losses,
        zmin=ends[0],
        zmax=ends[1],
        zsmooth="best",
        colorscale=[[k / (len(CIVIDIS) - 1), each] for k, each in enumerate(CIVIDIS)],
        showscale=split == "train",
        colorbar={
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": "nats", "font": {"size": 12}},
        },
        name=words,
        hovertemplate=f"a %{{x:.3g}}, b %{{y:.3g}}<br>{words} %{{z:.4g}} nats<extra></extra>",
        **marked(Role.SURFACE),
        **where,
    )
    x, y = _lines(a, b, losses, _levels(losses))
    lines = go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"width": 0.8, "color": "rgba(255,255,255,0.7)"},
        name=f"equal {words}",
        showlegend=False,
        hoverinfo="skip",
        **marked(Role.SURFACE_LINES),
        **where,
    )
    lowest = np.unravel_index(np.nanargmin(losses), losses.shape)
    across, up = float(a[int(lowest[1])]), float(b[int(lowest[0])])
    marks = [_mark(0.0, 0.0, "the network", "circle-open", **where)]
    if max(abs(across), abs(up)) > ROUNDING:
        marks.append(_mark(across, up, f"lowest {words}", "x", **where))
    return [field, lines, *marks]


def _ends(arrays: Arrays, splits: list[str]) -> tuple[float, float]:
    """Of the scale: from the lowest loss to the highest along the axes.

    The corners lie beyond, and would take most of the colours.
    """
    fields = [np.asarray(arrays[f"surface_{split}"], dtype=np.float64) for split in splits]
    row, column = (int(np.abs(arrays[name]).argmin()) for name in ("surface_b", "surface_a"))
    crossed = [np.concatenate([z[row], z[:, column]]) for z in fields]
    return float(min(map(np.nanmin, fields))), float(max(map(np.nanmax, crossed)))


def _mark(x: float, y: float, name: str, symbol: str, **where: Any) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        name=name,
        showlegend=False,
        marker={"size": 11, "symbol": symbol, "color": "#ffffff", "line": {"width": 2}},
        hovertemplate=f"{name}<br>a %{{x:.3g}}, b %{{y:.3g}}<extra></extra>",
        **marked(Role.SURFACE_MARK),
        **where,
    )


def surface_figure(arrays: Arrays) -> go.Figure:
    """Training on the left, test on the right on one scale; needs the arrays `NEEDED`."""
    splits = [s for s in ("train", "test") if f"surface_{s}" in arrays]
    ends = _ends(arrays, splits)
    figure = go.Figure()
    for place, split in enumerate(splits):
        axes = {"xaxis": "x", "yaxis": "y"} if place == 0 else {"xaxis": "x2", "yaxis": "y2"}
        figure.add_traces(_panel(arrays, split, ends, **axes))
    a, b = (np.asarray(arrays[name]) for name in ("surface_a", "surface_b"))
    across, up = [float(a[0]), float(a[-1])], [float(b[0]), float(b[-1])]
    two = len(splits) == 2
    first = "training loss, a along v<sub>1</sub>"
    domain = [0, 0.46] if two else [0, 1]
    figure.update_layout(
        xaxis={"domain": domain, "range": across, "title": {"text": first}},
        yaxis={"range": up, "title": {"text": "b along v<sub>2</sub>"}},
    )
    if two:
        figure.update_layout(
            xaxis2={
                "domain": [0.54, 1],
                "anchor": "y2",
                "range": across,
                "title": {"text": "test loss, a along v<sub>1</sub>"},
            },
            yaxis2={"anchor": "x2", "range": up, "showticklabels": False},
        )
    return styled(figure, height=420, margin={"l": 54, "r": 60, "t": 14, "b": 46})
