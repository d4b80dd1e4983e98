"""The glossary page, which asks nothing."""

from __future__ import annotations

import dash
from dash import Dash

from dashboard.pages.docs.layout import layout
from minimascope.client import AsyncClient


def register(pages: Dash, client: AsyncClient) -> None:
    """Adds the page."""
    dash.register_page("dashboard.docs", path="/docs", title="Terms · minimascope", layout=layout)
