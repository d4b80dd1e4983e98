"""Mounts the dashboard at `/` of the product's FastAPI app."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dash
from dash import Dash, dcc, html
from dash.exceptions import DependencyException
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboard.components import ids
from dashboard.drawing.process import DrawingProcess
from dashboard.drawing.routes import drawing_routes
from dashboard.pages import service_notice
from dashboard.pages.analysis import callbacks as analysis
from dashboard.pages.compare import callbacks as compare
from dashboard.pages.docs import callbacks as docs
from dashboard.pages.home import callbacks as home
from dashboard.pages.job import callbacks as job
from dashboard.pages.not_found import callbacks as not_found
from dashboard.pages.run import callbacks as run
from dashboard.pages.run.film import film_route
from dashboard.pages.service_notice import notice
from dashboard.pages.upload import callbacks as upload
from dashboard.serving.arrival import Arrival
from dashboard.serving.compressed import Compressed
from dashboard.serving.csp import page_policy
from dashboard.serving.modules import Modules, module_routes, read_modules
from minimascope.client import AsyncClient
from minimascope.figures.theme import css

ASSETS = Path(__file__).parent / "assets"
INDEX = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<style>PALETTES</style>
ENTRY
{%favicon%}
{%css%}
PRELOADS
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""
NAVIGATION = (
    ("Minima", "/"),
    ("Compare", "/compare"),
    ("Runs", "/runs"),
    ("New", "/upload"),
    ("Docs", "/docs"),
)
KEYS = (
    ("1 – 9", "show that eigenvector"),
    ("[  ]", "previous and next eigenvector"),
    (",  .", "smaller and larger λ"),
    ("m", "margins on or off"),
    ("f", "flip the eigenvector's sign"),
    ("e", "export the boundary map as SVG"),
    ("/", "filter the list"),
    ("⌘K", "search or act, from anywhere"),
    ("g a  g c  g u", "minima, compare, new"),
    ("?", "this help"),
)


def _index(modules: Modules) -> str:
    parts = {"PALETTES": css(), "ENTRY": modules.entry(), "PRELOADS": modules.preloads()}
    page = INDEX
    for name, text in parts.items():
        page = page.replace(name, text)
    return page


def _header() -> html.Header:
    links = [dcc.Link(words, href=path, className="nav-link") for words, path in NAVIGATION]
    return html.Header(
        [
            html.A("Skip to content", href="#main", className="skip"),
            dcc.Link([html.Span(className="mark"), "minimascope"], href="/", className="wordmark"),
            html.Nav(links, **{"aria-label": "Pages"}),
            html.Div(
                [
                    html.Button(
                        ["Search or act ", html.Kbd("⌘K")],
                        id=ids.PALETTE_OPEN,
                        **{"aria-haspopup": "dialog"},
                    ),
                    html.Button("?", id=ids.HELP_OPEN, **{"aria-label": "Keyboard shortcuts"}),
                    html.Button("◐", id=ids.THEME_TOGGLE, **{"aria-label": "Dark or light"}),
                ],
                className="header-tools",
            ),
        ],
        className="header",
    )


def _help() -> html.Dialog:
    rows = [part for key, words in KEYS for part in (html.Dt(html.Kbd(key)), html.Dd(words))]
    return html.Dialog(
        [
            html.H2("Keyboard"),
            html.Dl(rows),
            html.Button("Close", id=ids.HELP_CLOSE, className="button"),
        ],
        id=ids.HELP,
    )


def _palette() -> html.Dialog:
    """Pages, minima and actions by name (`page/palette.mjs`)."""
    return html.Dialog(
        [
            html.Label("Search or act", htmlFor=ids.PALETTE_FIELD, className="unseen"),
            dcc.Input(
                id=ids.PALETTE_FIELD,
                type="text",
                placeholder="Open a minimum, go to a page, do something",
                autoComplete="off",
                debounce=False,
            ),
            html.Div(id=ids.PALETTE_FOUND, role="listbox", **{"aria-label": "Found"}),
        ],
        id=ids.PALETTE,
        className="palette",
        **{"aria-label": "Search or act"},
    )


def _shell() -> html.Div:
    return html.Div(
        [
            dcc.Location(id=ids.HERE, refresh="callback-nav"),
            _header(),
            html.Main([notice(), dash.page_container], id="main", tabIndex=-1),
            _help(),
            _palette(),
            html.Div(id=ids.ANNOUNCE, role="status", className="toast", **{"aria-live": "polite"}),
        ],
        className="app",
    )


def _live_with(app: FastAPI, draws: DrawingProcess) -> None:
    """The process that draws begins and ends with the server."""
    whole_life = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def life(served: FastAPI) -> AsyncIterator[Any]:
        async with whole_life(served) as state:
            draws.begin()
            try:
                yield state
            finally:
                await asyncio.to_thread(draws.end)

    app.router.lifespan_context = life


def _refuse_unknown_files(app: FastAPI) -> None:
    """Dash raises where a component suite has no such file: a 404 like any other."""

    async def unknown(request: Request, _: Exception) -> Response:
        answer: Any = app.exception_handlers[HTTPException](request, HTTPException(404))
        return await answer if inspect.isawaitable(answer) else answer

    app.add_exception_handler(DependencyException, unknown)


def mount_dashboard(app: FastAPI, client: AsyncClient) -> None:
    """Adds the pages to `app`; every route `app` already has stays as it is.

    Unknown page addresses answer 404 with the not-found page, unknown `/api/` addresses a
    problem document. All data comes through `client`.
    """
    modules = read_modules()
    module_routes(app, modules)
    _live_with(app, drawing_routes(app, client))
    film_route(app, client)
    own = [str(getattr(route, "path", "")) for route in app.routes]
    options: dict[str, Any] = {
        "assets_folder": str(ASSETS),
        "pages_folder": "",
        "suppress_callback_exceptions": True,
        "title": "minimascope",
        "update_title": None,
        "index_string": _index(modules),
        "serve_locally": True,
        "use_async": True,
    }
    server: Any = app  # Dash types its server as Flask's
    pages = Dash("minimascope", server=server, use_pages=True, **options)
    # The renderer opens a websocket wherever it is told of one.
    backend: Any = pages.backend
    backend.websocket_capability = False
    pages.layout = _shell()
    for page in (home, upload, job, analysis, compare, run, docs, not_found, service_notice):
        page.register(pages, client)

    async def set_up() -> str:
        for hook in backend._before_request_funcs:  # what Dash does at its first request
            done = hook()
            if inspect.isawaitable(done):
                await done
        return page_policy(pages.csp_hashes())

    _refuse_unknown_files(app)
    app.add_middleware(Arrival, pages=dash.page_registry, own=own, set_up=set_up)
    app.add_middleware(Compressed, minimum_size=1024, compresslevel=6)
