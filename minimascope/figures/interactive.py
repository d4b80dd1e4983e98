"""Figures as pieces of a page that carries Plotly itself: nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from minimascope.figures.coloured import coloured


def pieces(figures: Mapping[str, go.Figure]) -> dict[str, str]:
    """HTML of each figure; the first brings the library along."""
    found: dict[str, str] = {}
    for name, figure in figures.items():
        found[name] = coloured(figure).to_html(
            full_html=False,
            include_plotlyjs=not found,
            config={"displaylogo": False, "displayModeBar": "hover", "responsive": True},
        )
    return found
