"""Compare: any two measures of several minima, one marker a minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import class_colour, class_symbol, styled

DECADES = 100
LEGIBLE = 6  # entries a legend above the plot holds


@dataclass(frozen=True)
class Measured:
    """One minimum's pair of values, how far each may be below and above, its place among all."""

    name: str
    x: float
    y: float
    x_error: tuple[float, float] | None = None
    y_error: tuple[float, float] | None = None
    position: int = 0
    letter: str = ""


def _axis(values: list[float], title: str) -> dict[str, Any]:
    """Logarithmic where positive values span more than two decades."""
    if values and min(values) > 0 and max(values) > DECADES * min(values):
        return log_axis(title, values)
    return {"title": {"text": title}}


def _bar(error: tuple[float, float] | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"arrayminus": [error[0]], "array": [error[1]], "thickness": 1.3}


def compare_scatter(points: Sequence[Measured], *, x_title: str, y_title: str) -> go.Figure:
    """Labelled markers, a Tol colour and a shape each, with their intervals where these are known.

    Each marker carries its letter; with many minima the letters replace the legend.
    """
    figure = go.Figure()
    for point in points:
        index = point.position
        figure.add_scatter(
            x=[point.x],
            y=[point.y],
            error_x=_bar(point.x_error),
            error_y=_bar(point.y_error),
            mode="markers+text" if point.letter else "markers",
            text=[point.letter],
            textposition="top center",
            textfont={"size": 12},
            cliponaxis=False,
            name=f"{point.letter} {point.name}".strip(),
            marker={
                "size": 12,
                "symbol": class_symbol(index),
                "color": class_colour(index),
                "line": {"width": 1.5},
            },
            hovertemplate=f"{point.name}<br>{x_title} %{{x:.4g}}<br>{y_title} %{{y:.4g}}"
            "<extra></extra>",
            **marked(Role.MINIMUM, marker__line__color="page", textfont__color="muted"),
        )
    figure.update_xaxes(_axis([point.x for point in points], x_title))
    figure.update_yaxes(_axis([point.y for point in points], y_title))
    return styled(figure, height=470, showlegend=len(points) <= LEGIBLE)
