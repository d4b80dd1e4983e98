"""Several minima side by side: shared scales, a scatter of any two measures, every number."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.components.choice import select
from dashboard.components.notices import missing
from dashboard.components.plot import panel, switch, tools
from dashboard.components.words import level
from dashboard.drawing.routes import about
from dashboard.pages.analysis.panels import colour_bar
from dashboard.pages.compare import line
from dashboard.pages.compare.figures import (
    CHOICES,
    STEPS,
    lambda_at,
    parallel,
    scatter,
    step_of,
)
from dashboard.pages.compare.measures import Minimum, ends, letters, minimum_of
from dashboard.pages.compare.tables import numbers_table, ranking_table
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import KeyNumbers

FEW = 6  # minima up to which the pictures come before the numbers


def _level(span: tuple[float, float] | None, step: int) -> html.Div:
    return html.Div(
        [
            html.Label("λ", htmlFor="compare-lambda"),
            dcc.Input(id="compare-lambda", type="range", min=0, max=STEPS, step=1, value=step),
            html.Output(id="compare-level"),
        ],
        className="slider compare-slider" if span else "gone",
    )


def _panels(query: dict[str, Any]) -> tuple[Any, Any]:
    x = query.get("x") if query.get("x") in CHOICES else "g_at_epsilon"
    y = query.get("y") if query.get("y") in CHOICES else "gap_measured"
    selects = html.Div(
        [
            select("compare-x", CHOICES, str(x), label="Across"),
            select("compare-y", CHOICES, str(y), label="Up"),
        ],
        className="controls",
    )
    two = panel(
        "scatter",
        "Two measures",
        "Scatter of two measures, one marker a minimum.",
        height=470,
        above=selects,
    )
    every = panel(
        "parallel",
        "All measures",
        "Parallel coordinates: each measure scaled from its smallest to its largest value.",
        height=380,
    )
    return two, every


def _grid(minima: list[Minimum], query: dict[str, Any]) -> html.Section:
    """A row of tiles a minimum, painted as each arrives; a tile leads to its analysis."""
    vectors = html.Div(
        [
            html.Label("Eigenvectors", htmlFor="compare-vectors"),
            dcc.Input(
                id="compare-vectors", type="text", value=query.get("vector") or "1-5", debounce=True
            ),
        ],
        className="counter",
    )
    rows = [
        html.Div(
            [
                html.H3(_named(index, minimum)),
                html.Div(className="tiles"),
                html.P(className="hint strip-note"),
            ],
            className="strip",
            **{"data-strip": minimum.numbers.id},
        )
        for index, minimum in enumerate(minima)
    ]
    head = html.Div(
        [html.H2("Boundaries and eigenvectors"), colour_bar(), vectors, tools("grid")],
        className="panel-head",
    )
    table = html.Div(id="grid-table", className="plot-table", hidden=True, tabIndex=0)
    return html.Section([head, *rows, table], className="panel panel-grid")


def _named(index: int, minimum: Minimum) -> list[Any]:
    return [
        html.Span(letters(index), className="letter"),
        dcc.Link(minimum.name, href=f"/analyses/{minimum.numbers.id}"),
    ]


def content(minima: list[Minimum], query: dict[str, Any]) -> html.Div:
    """Numbers first, then the ranking, the paper's figure, the scatter, all measures."""
    span = ends(minima)
    step = step_of(query.get("lambda"), span) if span else 0
    differences = switch("Differences only", "differences", "false")
    items = [
        {
            "numbers": m.numbers.model_dump(),
            "lambdas": m.lambdas,
            "curves": dict(m.curves),
            "about": dict(m.about),
        }
        for m in minima
    ]
    ranking_panel = html.Section(
        [
            html.Div(html.H2("Which measure orders them as the gap does"), className="panel-head"),
            _level(span, step),
            html.Div(id="compare-ranking", className="table-scroll", tabIndex=0),
        ],
        className="panel panel-ranking",
    )
    numbers = html.Section(
        [
            html.Div([html.H2("Every number"), differences], className="panel-head"),
            html.Div(id="compare-numbers", className="table-scroll", tabIndex=0),
        ],
        className="panel panel-numbers",
    )
    two, every = _panels(query)
    measures = [html.Div([two, ranking_panel], className="measures"), every]
    grid = _grid(minima, query)
    between = line.line_panel(minima, query)
    few = len(minima) <= FEW
    order = [grid, between, *measures, numbers] if few else [*measures, numbers, between, grid]
    return html.Div(
        [
            dcc.Store(id="compare-items", data={"minima": items, "ends": span}),
            dcc.Store(id="compare-drawn"),
            html.H1(f"{len(minima)} minima"),
            *order,
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
        Minimum(KeyNumbers.model_validate(m["numbers"]), m["lambdas"], m["curves"], m["about"])
        for m in data["minima"]
    ]


async def _minimum(client: AsyncClient, numbers: KeyNumbers) -> Minimum:
    """With its curves and its provenance, where it has a report."""
    try:
        analysis, report = await asyncio.gather(
            client.analysis(numbers.id), client.report(numbers.id)
        )
    except ProblemError:
        return Minimum(numbers)
    return replace(minimum_of(numbers, report), about=about(analysis, report))


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
        found = await asyncio.gather(*[_minimum(client, item) for item in page.items])
        return content(list(found), query)

    line.register(pages, client)
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
        said = f"ALO, soft rank and TIC at λ = {level(None if at is None else float(f'{at:.3g}'))}"
        return numbers_table(minima, at), ranking_table(minima, at), said, drawn

    pages.clientside_callback(
        ClientsideFunction("compare", "drawn"),
        Input("compare-drawn", "data"),
        State("compare-items", "data"),
        prevent_initial_call=True,
    )
    pages.clientside_callback(
        ClientsideFunction("compare", "grid"),
        Output("compare-vectors", "title"),
        Input("compare-vectors", "value"),
        Input("compare-items", "data"),
    )
    pages.clientside_callback(
        ClientsideFunction("compare", "address"),
        Input("compare-drawn", "data"),
        Input("compare-vectors", "value"),
        State("compare-x", "data"),
        State("compare-y", "data"),
        prevent_initial_call=True,
    )
