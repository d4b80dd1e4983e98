"""The one theme: colours as tokens, so that a figure drawn once is recoloured in the browser.

A trace names its themed properties in `meta["tokens"]` (`{"line.color": "ink"}`, see `roles`), a
layout in `layout.meta["tokens"]`. The browser (`figures/themed.mjs`) fills them with the page's own
CSS variables, which `css()` writes from the palettes here.
"""

from __future__ import annotations

import re
from typing import Any

import plotly.graph_objects as go

Figure = go.Figure  # so that who hands figures on needs no plotly of its own

FONT = "-apple-system, 'Segoe UI', Inter, Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif"

LIGHT: dict[str, str] = {
    "page": "#ffffff",
    "ink": "#1a1c20",
    "muted": "#5b616b",
    "rule": "#d9dce1",
    "grid": "#eef0f2",
    "wash": "#f5f6f8",
    "accent": "#1d5fa8",
    "band": "rgba(29,95,168,0.16)",
    "red": "#c2290a",
    "casing": "#ffffff",
    "halo": "#ffffff",
    "good": "#1a7037",
    "warn": "#8f5a00",
}
DARK: dict[str, str] = {
    "page": "#15171b",
    "ink": "#eceef2",
    "muted": "#a3aab5",
    "rule": "#353a43",
    "grid": "#24282f",
    "wash": "#1d2026",
    "accent": "#7db7f2",
    "band": "rgba(125,183,242,0.22)",
    "red": "#ff7b5a",
    "casing": "#15171b",
    "halo": "#f3f4f7",
    "good": "#6fcb8b",
    "warn": "#e8b04b",
}
# PuOr (ColorBrewer), −1 orange to +1 purple; the neutral midpoint is the page itself.
DIVERGING: dict[str, list[str]] = {
    "light": ["#9a4a05", "#d3802a", "#f2c48c", "#ffffff", "#c3bde0", "#7d70ac", "#43227a"],
    "dark": ["#ffc680", "#c77f33", "#6d431c", "#15171b", "#413769", "#8576c4", "#d0c9fa"],
}
# Ten classes, at least 15 CIELAB apart in normal, deutan and protan sight; no red, which belongs to
# the margins here.
CLASS_COLOURS = [
    *("#4477AA", "#228833", "#CCBB44", "#66CCEE", "#AA3377"),
    *("#5A3A22", "#C8E89A", "#3B3F8F", "#B4B9C2", "#1B1F55"),
]
CLASS_SYMBOLS = [
    *("circle", "square", "diamond", "triangle-up", "cross", "x", "star"),
    *("triangle-down", "pentagon", "hourglass"),
]
MANY_CLASSES = 12  # beyond, colours are those of right and wrong, and no legend names them
AXIS = re.compile(r"[xy]axis\d*")
DASHES = ["solid", "dash", "dot", "dashdot", "longdash"]


def class_colour(label: int) -> str:
    """Colour of a class or of a compared minimum, repeating after ten."""
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def class_symbol(label: int) -> str:
    """Marker of a class: the same information as its colour."""
    return CLASS_SYMBOLS[label % len(CLASS_SYMBOLS)]


def diverging(name: str = "light") -> list[list[Any]]:
    """The diverging colour scale of a palette as Plotly stops."""
    stops = DIVERGING[name]
    return [[i / (len(stops) - 1), colour] for i, colour in enumerate(stops)]


def styled(figure: go.Figure, *, height: int, **layout: Any) -> go.Figure:
    """Common frame of every figure: margins, thin axes, quiet legend. The browser colours it."""
    frame: dict[str, Any] = {
        "height": height,
        "template": None,
        "margin": {"l": 54, "r": 12, "t": 10, "b": 44},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        "dragmode": False,
        "separators": ". ",
        "font": {"family": FONT, "size": 12.5},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        **layout,
    }
    drawn: Any = figure
    axis = {"showline": True, "ticks": "outside", "ticklen": 4, "zeroline": False}
    for name in ("xaxis", "yaxis", *drawn.layout):
        if AXIS.fullmatch(name) and drawn.layout[name].visible is not False:
            frame[name] = axis
    figure.update_layout(frame)
    return figure


def css() -> str:
    """The palettes as CSS variables, the page's single source of colours."""
    rules = []
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        lines = [f"--{token}:{colour}" for token, colour in palette.items()]
        lines.append("--diverging:" + " ".join(DIVERGING[name]))
        lines.append(f"--ramp:linear-gradient(90deg,{','.join(DIVERGING[name])})")
        rules.append(f':root[data-theme="{name}"]{{color-scheme:{name};{";".join(lines)}}}')
    return "".join(rules)
