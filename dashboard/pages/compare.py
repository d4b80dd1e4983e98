"""Several minima side by side: shared scales, a scatter of any two measures, every number."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.choice import select
from dashboard.compare_figures import (
    CHOICES,
    STEPS,
    lambda_at,
    parallel,
    scatter,
    step_of,
    vectors_of,
)
from dashboard.compare_numbers import Minimum, ends, minimum_of
from dashboard.compare_tables import numbers_table, ranking_table
from dashboard.drawing import has_plane
from dashboard.figures.minima_grid import GridRow, minima_grid
from dashboard.notices import missing
from dashboard.plot import panel
from dashboard.words import level
from minimascope.client import AsyncClient
from minimascope.problems import ProblemError
from minimascope.report import Report
from minimascope.schemas import KeyNumbers

ROWS = 20


def _level(span: tuple[float, float] | None, step: int) -> html.Div:
    return html.Div(
        [
            html.Label("λ", htmlFor="compare-lambda"),
            dcc.Input(id="compare-lambda", type="range", min=0, max=STEPS, step=1, value=step),
            html.Output(id="compare-level"),
        ],
        className="slider compare-slider" if span else "gone",
    )


def _panels(query: dict[str, Any]) -> list[Any]:
    x = query.get("x") if query.get("x") in CHOICES else "g_at_epsilon"
    y = query.get("y") if query.get("y") in CHOICES else "gap_measured"
    selects = html.Div(
        [
            select("compare-x", CHOICES, str(x), label="Across"),
            select("compare-y", CHOICES, str(y), label="Up"),
        ],
        className="controls",
    )
    vectors = html.Div(
        [
            html.Label("Eigenvectors", htmlFor="compare-vectors"),
            dcc.Input(
                id="compare-vectors",
                type="text",
                value=query.get("vector") or "1-5",
                debounce=True,
            ),
        ],
        className="counter controls",
    )
    grid = panel(
        "grid",
        "Boundaries and eigenvectors, −1 to 1",
        "One row a minimum: its decision boundary, then the alignment with each eigenvector.",
        height=300,
        above=vectors,
        below=html.P(id="grid-note", className="hint"),
    )
    two = panel(
        "scatter",
        "Two measures",
        "Scatter of two measures, one marker a minimum.",
        height=380,
        above=selects,
    )
    every = panel(
        "parallel",
        "All measures",
        "Parallel coordinates: each measure scaled from its smallest to its largest value.",
        height=380,
    )
    return [grid, two, every]


def content(minima: list[Minimum], query: dict[str, Any]) -> html.Div:
    """Numbers first, then the ranking, the paper's figure, the scatter, all measures."""
    span = ends(minima)
    step = step_of(query.get("lambda"), span) if span else 0
    switch = html.Button(
        "Differences only", id="differences", className="tool", **{"aria-pressed": "false"}
    )
    items = [
        {"numbers": m.numbers.model_dump(), "lambdas": m.lambdas, "curves": dict(m.curves)}
        for m in minima
    ]
    ranking_panel = html.Section(
        [
            html.Div(html.H2("Ranking"), className="panel-head"),
            html.Div(id="compare-ranking", className="table-scroll", tabIndex=0),
        ],
        className="panel panel-ranking",
    )
    return html.Div(
        [
            dcc.Store(id="compare-items", data={"minima": items, "ends": span}),
            *[dcc.Store(id=f"compare-{name}") for name in ("drawn", "grid-figure", "theme")],
            html.Div([html.H1(f"{len(minima)} minima"), switch], className="page-head"),
            html.Div(id="compare-numbers", className="table-scroll", tabIndex=0),
            _level(span, step),
            ranking_panel,
            *_panels(query),
        ],
        className="page page-compare",
    )


def _chooser() -> html.Div:
    return html.Div(
        [
            html.H1("Compare"),
            html.P("Tick two or more finished analyses in the list.", className="lead"),
            dcc.Link("Choose from the list", href="/", className="button primary"),
        ],
        className="page page-narrow",
    )


def _stored(data: dict[str, Any]) -> list[Minimum]:
    return [
        Minimum(KeyNumbers.model_validate(m["numbers"]), m["lambdas"], m["curves"])
        for m in data["minima"]
    ]


async def _report(client: AsyncClient, identifier: str) -> Report | None:
    try:
        return await client.report(identifier)
    except ProblemError:
        return None


async def _grid_row(client: AsyncClient, minimum: Minimum) -> GridRow | None:
    identifier = minimum.numbers.id
    try:
        report, arrays = await asyncio.gather(client.report(identifier), client.arrays(identifier))
    except ProblemError:
        return None
    if report.spectrum is None or not has_plane(arrays):
        return None
    return GridRow(minimum.name, arrays, report.spectrum.eigenvalues)


def register(pages: Dash, client: AsyncClient) -> None:
    """The frame with the layout; numbers and figures follow and are themed in the browser."""

    async def layout(ids: str = "", **query: Any) -> html.Div:
        wanted = list(dict.fromkeys(part for part in ids.split(",") if part))
        if not wanted:
            return _chooser()
        try:
            page = await client.compare(wanted)
        except ProblemError as problem:
            return missing("Cannot compare these", problem)
        reports = await asyncio.gather(*[_report(client, item.id) for item in page.items])
        found = [minimum_of(i, r) for i, r in zip(page.items, reports, strict=True)]
        return content(found, query)

    dash.register_page("dashboard.compare", path="/compare", title="Compare", layout=layout)

    @pages.callback(
        Output("compare-numbers", "children"),
        Output("compare-ranking", "children"),
        Output("compare-level", "children"),
        Output("compare-drawn", "data"),
        Input("compare-x", "data"),
        Input("compare-y", "data"),
        Input("compare-lambda", "value"),
        State("compare-items", "data"),
    )
    async def count(x: str, y: str, step: Any, data: dict[str, Any]) -> tuple[Any, ...]:
        minima = _stored(data)
        at = lambda_at(float(step or 0), data["ends"]) if data["ends"] else None
        figure = await asyncio.to_thread(scatter, minima, x, y, at)
        drawn = {"scatter": figure, "parallel": parallel(minima), "lambda": at}
        said = f"λ = {level(None if at is None else float(f'{at:.3g}'))} for the values at λ"
        return numbers_table(minima, at), ranking_table(minima, at), said, drawn

    @pages.callback(
        Output("compare-grid-figure", "data"),
        Output("grid-note", "children"),
        Input("compare-vectors", "value"),
        State("compare-items", "data"),
    )
    async def grid(text: str | None, data: dict[str, Any]) -> tuple[Any, str]:
        minima = _stored(data)[:ROWS]
        rows = await asyncio.gather(*[_grid_row(client, minimum) for minimum in minima])
        drawn = [row for row in rows if row is not None]
        absent = [m.name for m, row in zip(minima, rows, strict=True) if row is None]
        note = f"No plane to draw: {', '.join(absent)}." if absent else ""
        if not drawn:
            return None, "None of these has two-dimensional inputs, so there is no plane to draw."
        figure = await asyncio.to_thread(minima_grid, drawn, vectors_of(text))
        return dict(json.loads(figure.to_json())), note

    for plot, store in (("scatter", "drawn"), ("parallel", "drawn"), ("grid", "grid-figure")):
        pages.clientside_callback(
            ClientsideFunction("compare", plot),
            Output(plot, "figure"),
            Input(f"compare-{store}", "data"),
            Input("compare-theme", "data"),
            State("compare-items", "data"),
            prevent_initial_call=True,
        )
    pages.clientside_callback(
        ClientsideFunction("compare", "address"),
        Input("compare-drawn", "data"),
        Input("compare-vectors", "value"),
        State("compare-x", "data"),
        State("compare-y", "data"),
        prevent_initial_call=True,
    )
