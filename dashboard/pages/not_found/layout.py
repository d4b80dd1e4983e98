"""The page for an address that does not exist (the status is set in `arrival`)."""

from __future__ import annotations

from typing import Any

from dash import dcc, html


def layout(**_: Any) -> html.Div:
    """Says so, and leads back."""
    return html.Div(
        [
            html.H1("Nothing here"),
            html.P("No page has this address.", className="lead"),
            dcc.Link("See all minima", href="/", className="button"),
        ],
        className="page page-narrow",
    )
