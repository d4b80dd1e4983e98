"""The one colour scale of all tiles of the compare page."""

from __future__ import annotations

from dash import html


def colour_bar() -> html.Div:
    """The one scale of all tiles."""
    return html.Div(
        [html.Span("−1"), html.Span(className="bar"), html.Span("1"), html.Span("alignment")],
        className="shared-bar",
        **{"aria-hidden": "true"},
    )
