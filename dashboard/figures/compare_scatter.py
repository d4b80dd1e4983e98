"""Compare: any two measures of several minima, one marker a minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.figures.theme import class_colour, class_symbol, styled, tokens


@dataclass(frozen=True)
class Measured:
    """One minimum's pair of values, with the standard error of each where it has one."""

    name: str
    x: float
    y: float
    x_error: float | None = None
    y_error: float | None = None


def compare_scatter(points: Sequence[Measured], *, x_title: str, y_title: str) -> go.Figure:
    """Labelled markers, a Tol colour and a shape each, with ± s.e. where it is known."""
    figure = go.Figure()
    for index, point in enumerate(points):
        figure.add_scatter(
            x=[point.x],
            y=[point.y],
            error_x=None if point.x_error is None else {"array": [point.x_error], "thickness": 1.3},
            error_y=None if point.y_error is None else {"array": [point.y_error], "thickness": 1.3},
            mode="markers",
            name=point.name,
            marker={
                "size": 12,
                "symbol": class_symbol(index),
                "color": class_colour(index),
                "line": {"width": 1.5},
            },
            hovertemplate=f"{point.name}<br>{x_title} %{{x:.4g}}<br>{y_title} %{{y:.4g}}"
            "<extra></extra>",
            **tokens(marker__line__color="page"),
        )
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title)
    return styled(figure, height=380, showlegend=True)
