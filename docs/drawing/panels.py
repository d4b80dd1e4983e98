"""Pictures beside one another in one SVG, each a figure of the product with a title.

A picture stands on a light panel of its own, so that it reads the same on a page of either theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from minimascope.figures.roles import Role, marked
from minimascope.figures.static import svg
from minimascope.figures.theme import class_colour, styled

IMAGES = Path(__file__).parents[1] / "images"
INK, MUTED = "#1a1c20", "#5b616b"
TITLE, PAD = 26, 12  # pixels above a panel, and around it
FONT = "13px -apple-system,'Segoe UI','Liberation Sans',sans-serif"


@dataclass(frozen=True)
class Panel:
    """A figure, what stands above it, and how wide it is."""

    title: str
    figure: go.Figure
    width: int = 320

    @property
    def height(self) -> int:
        return min(int(self.figure.layout.height or 320), 420)


def row(panels: list[Panel], *, label: str) -> str:
    """The SVG of panels from left to right; `label` is for who does not see it."""
    width = sum(panel.width + PAD for panel in panels) + PAD
    height = max(panel.height for panel in panels) + TITLE + 2 * PAD
    parts, left = [], PAD
    for panel in panels:
        drawn = svg(panel.figure, width=panel.width, fields=True)
        placed = drawn.replace("<svg ", f'<svg x="{left}" y="{TITLE + PAD}" ', 1)
        parts.append(
            f'<text x="{left + 4}" y="{PAD + 16}" fill="{INK}" style="font:{FONT};font-weight:600">'
            f"{escape(panel.title)}</text>{placed}"
        )
        left += panel.width + PAD
    return framed("".join(parts), width, height, label)


def framed(body: str, width: int, height: int, label: str) -> str:
    """A whole picture of so many pixels on its light panel."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(label, quote=True)}">'
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>{body}</svg>\n'
    )


def keep(name: str, picture: str) -> None:
    """Writes docs/images/<name>.svg."""
    path = IMAGES / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture)
    print(path.relative_to(IMAGES.parents[1]), f"{len(picture) / 1000:.0f} kB")


def points(
    x: Any, y: Any, name: str = "", *, colour: str = class_colour(0), size: float = 7
) -> go.Scatter:
    """Markers of one colour."""
    marker = {"color": colour, "size": size}
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        name=name,
        marker=marker,
        showlegend=bool(name),
        **marked(Role.POINTS),
    )


def line(
    x: Any, y: Any, name: str = "", *, colour: str = INK, dash: str = "solid", width: float = 2
) -> go.Scatter:
    """A line of one colour; NaN breaks it."""
    style = {"color": colour, "dash": dash, "width": width}
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line=style, showlegend=bool(name), **marked(Role.LINE)
    )


def chart(
    traces: list[Any], *, x: dict[str, Any], y: dict[str, Any], height: int = 300
) -> go.Figure:
    """Traces between two axes in the product's frame."""
    figure = go.Figure(traces)
    figure.update_xaxes(x)
    figure.update_yaxes(y)
    return styled(figure, height=height, margin={"l": 56, "r": 12, "t": 24, "b": 44})


def plane(
    traces: list[Any], reach: tuple[float, float, float, float], *, height: int = 322
) -> go.Figure:
    """Traces over the input plane, without axes: (left, right, low, high).

    A panel of 300 pixels is square with the height that stands here.
    """
    figure = go.Figure(traces)
    figure.update_xaxes(visible=False, range=list(reach[:2]))
    figure.update_yaxes(visible=False, range=list(reach[2:]))
    return styled(figure, height=height, margin={"l": 2, "r": 2, "t": 24, "b": 2})
