"""The page for an address that does not exist (the status is set in `arrival`)."""

from __future__ import annotations

from typing import Any

import dash
from dash import Dash, dcc, html

from minimascope.client import AsyncClient


def layout(**_: Any) -> html.Div:
    """Says so, and leads back."""
    return html.Div(
        [
            html.H1("Nothing here"),
            html.P("No page has this address.", className="lead"),
            dcc.Link("See all analyses", href="/", className="button"),
        ],
        className="page page-narrow",
    )


def register(pages: Dash, client: AsyncClient) -> None:
    """Dash finds this page by the last part of its module name."""
    dash.register_page("dashboard.not_found_404", path=None, title="Not found", layout=layout)
