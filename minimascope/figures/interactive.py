"""Figures as pieces of a page that carries Plotly itself: nothing is fetched from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from minimascope.figures.coloured import coloured

# Pixels of the toolbar and of a row of the legend, and the names that a row has room for.
TOOLBAR, ROW, NAMES = 24, 20, 3


def pieces(figures: Mapping[str, go.Figure]) -> dict[str, str]:
    """HTML of each figure; the first brings the library along."""
    found: dict[str, str] = {}
    for name, figure in figures.items():
        found[name] = _roomy(coloured(figure)).to_html(
            full_html=False,
            include_plotlyjs=not found,
            config={"displaylogo": False, "displayModeBar": "hover", "responsive": True},
        )
    return found


def _roomy(figure: go.Figure) -> go.Figure:
    """Room above for every row of the legend, and for the toolbar above it."""
    drawn: Any = figure
    names = {t.name for t in drawn.data if t.name and t.showlegend is not False}
    rows = math.ceil(len(names) / NAMES)
    more = TOOLBAR + ROW * rows
    top = drawn.layout.margin.t or 0
    figure.update_layout(margin_t=top + more, height=(drawn.layout.height or 320) + more)
    return figure
