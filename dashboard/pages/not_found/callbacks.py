"""Registers the page for an address that does not exist."""

from __future__ import annotations

import dash
from dash import Dash

from dashboard.pages.not_found.layout import layout
from minimascope.client import AsyncClient


def register(pages: Dash, client: AsyncClient) -> None:
    """Dash finds this page by the last part of its module name."""
    dash.register_page("dashboard.not_found_404", path=None, title="Not found", layout=layout)
