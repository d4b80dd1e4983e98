"""Several minima side by side: shared scales, a scatter of any two measures, every number."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html
from scipy.stats import kendalltau

from dashboard.drawing import has_plane
from dashboard.figures.compare_scatter import Measured, compare_scatter
from dashboard.figures.filmstrip import filmstrip
from dashboard.notices import missing
from dashboard.plot import image, panel
from dashboard.words import VERDICTS, level, number
from minimascope.client import AsyncClient
from minimascope.problems import ProblemError
from minimascope.schemas import KeyNumbers

MEASURES = {
    "gap_estimate": "Estimated gap, nats",
    "gap_measured": "Measured gap, nats",
    "soft_rank_ggn": "Soft rank / n",
    "lambda_max": "Largest eigenvalue λ₁",
    "trace": "Trace of H",
    "outliers": "Outliers",
    "g_at_epsilon": "G(ε)",
    "n90": "n₉₀",
    "margin_min": "Smallest margin",
    "margin_median": "Median margin",
    "train_loss": "Training loss, nats",
    "test_loss": "Test loss, nats",
    "train_accuracy": "Training accuracy",
    "test_accuracy": "Test accuracy",
    "lambda_eff": "λ",
}
STRIPS = 6
WANTED = 3


def _name(item: KeyNumbers) -> str:
    return item.name or f"Analysis {item.id[:8]}"


def tau_against_gap(items: list[KeyNumbers], measure: str) -> float | None:
    """Kendall τ of a measure against the measured gap; None below three minima that have both."""
    pairs = [
        (float(getattr(i, measure)), i.gap_measured)
        for i in items
        if getattr(i, measure) is not None and i.gap_measured is not None
    ]
    if measure == "gap_measured" or len(pairs) < WANTED:
        return None
    value = float(kendalltau([a for a, _ in pairs], [b for _, b in pairs]).statistic)
    return value if value == value else None


def numbers_table(items: list[KeyNumbers]) -> html.Div:
    """Rows are measures, columns minima; rows where all agree are marked for 'differences'."""
    ranked = sum(i.gap_measured is not None for i in items) >= WANTED
    head: list[Any] = ["", *[dcc.Link(_name(i), href=f"/analyses/{i.id}") for i in items]]
    if ranked:
        head.append(html.Span("τ with measured gap", className="column-note"))
    verdicts: dict[str, str] = {**VERDICTS}
    said = [verdicts.get(i.verdict or "", "—") for i in items]
    rows = [_row("Verdict", said, "" if ranked else None)]
    for key, words in MEASURES.items():
        cells = [_cell(i, key) for i in items]
        if set(cells) == {"—"}:
            continue
        rows.append(_row(words, cells, number(tau_against_gap(items, key), 2) if ranked else None))
    return html.Div(
        html.Table(
            [
                html.Thead(html.Tr([html.Th(cell, scope="col") for cell in head])),
                html.Tbody(rows),
            ],
            className="numbers",
        ),
        className="table-scroll",
        tabIndex=0,
    )


def _cell(item: KeyNumbers, key: str) -> str:
    value = getattr(item, key)
    if isinstance(value, int):
        return f"{value:,}"
    text = level(value) if key == "lambda_eff" else number(value)
    if key == "gap_estimate" and item.gap_standard_error is not None:
        return f"{text} ± {number(item.gap_standard_error, 2)}"
    return text


def _row(words: str, cells: list[str], tau: str | None) -> html.Tr:
    same = len(set(cells)) == 1
    parts: list[Any] = [html.Th(words, scope="row"), *[html.Td(cell) for cell in cells]]
    if tau is not None:
        parts.append(html.Td(tau, className="tau"))
    return html.Tr(parts, className="same" if same else "")


def scatter(items: list[KeyNumbers], x: str, y: str) -> dict[str, Any]:
    """The scatter of two measures as figure JSON; minima without both are left out."""
    points = [
        Measured(
            _name(i),
            float(getattr(i, x)),
            float(getattr(i, y)),
            i.gap_standard_error if x == "gap_estimate" else None,
            i.gap_standard_error if y == "gap_estimate" else None,
        )
        for i in items
        if getattr(i, x) is not None and getattr(i, y) is not None
    ]
    figure = compare_scatter(points, x_title=MEASURES[x], y_title=MEASURES[y])
    return dict(json.loads(figure.to_json()))


def _select(identifier: str, words: str, value: str) -> html.Div:
    options = [{"label": text, "value": key} for key, text in MEASURES.items()]
    return html.Div(
        [
            html.Label(words, htmlFor=identifier),
            dcc.Dropdown(id=identifier, options=options, value=value, clearable=False),
        ],
        className="select",
    )


def content(items: list[KeyNumbers]) -> html.Div:
    """Numbers first, then the scatter, then one filmstrip a minimum."""
    selects = html.Div(
        [
            _select("compare-x", "Across", "soft_rank_ggn"),
            _select("compare-y", "Up", "gap_measured"),
        ],
        className="controls",
    )
    strips = [
        html.Div(
            [
                html.H3(dcc.Link(_name(item), href=f"/analyses/{item.id}")),
                *image(f"strip-{index}", f"Filmstrip of {_name(item)}.", height=120),
            ],
            className="strip",
        )
        for index, item in enumerate(items[:STRIPS])
    ]
    return html.Div(
        [
            dcc.Store(id="compare-items", data=[i.model_dump() for i in items]),
            dcc.Store(id="compare-scatter-figure"),
            dcc.Store(id="compare-strips"),
            dcc.Store(id="compare-theme"),
            html.Div(
                [
                    html.H1(f"{len(items)} minima"),
                    html.Button(
                        "Differences only",
                        id="differences",
                        className="tool",
                        **{"aria-pressed": "false"},
                    ),
                ],
                className="page-head",
            ),
            numbers_table(items),
            panel(
                "scatter",
                "Two measures",
                "Scatter of two measures, one marker a minimum.",
                height=380,
                above=selects,
            ),
            html.Section(
                [
                    html.Div(html.H2("Eigenvectors on one scale, −1 to 1"), className="panel-head"),
                    *strips,
                ],
                className="panel panel-strips",
            ),
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


def register(pages: Dash, client: AsyncClient) -> None:
    """Numbers with the layout; figures follow and are themed in the browser."""

    async def layout(ids: str = "", **_: Any) -> html.Div:
        wanted = [part for part in ids.split(",") if part]
        if not wanted:
            return _chooser()
        try:
            page = await client.compare(wanted)
        except ProblemError as problem:
            return missing("Cannot compare these", problem)
        return content(page.items)

    dash.register_page("dashboard.compare", path="/compare", title="Compare", layout=layout)

    @pages.callback(
        Output("compare-scatter-figure", "data"),
        Input("compare-x", "value"),
        Input("compare-y", "value"),
        State("compare-items", "data"),
    )
    async def draw(x: str, y: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        found = [KeyNumbers.model_validate(item) for item in items]
        return await asyncio.to_thread(scatter, found, x, y)

    @pages.callback(Output("compare-strips", "data"), Input("compare-items", "data"))
    async def strips(items: list[dict[str, Any]]) -> list[Any]:
        return await asyncio.gather(*[_strip(client, item["id"]) for item in items[:STRIPS]])

    pages.clientside_callback(
        dash.ClientsideFunction("compare", "scatter"),
        Output("scatter", "figure"),
        Input("compare-scatter-figure", "data"),
        Input("compare-theme", "data"),
        prevent_initial_call=True,
    )
    pages.clientside_callback(
        dash.ClientsideFunction("compare", "strips"),
        Input("compare-strips", "data"),
        Input("compare-theme", "data"),
        prevent_initial_call=True,
    )


async def _strip(client: AsyncClient, identifier: str) -> dict[str, Any] | None:
    try:
        report, arrays = await asyncio.gather(client.report(identifier), client.arrays(identifier))
    except ProblemError:
        return None
    spectrum = report.spectrum
    if spectrum is None or not has_plane(arrays):
        return None
    values = spectrum.eigenvalues[:5]
    figure = await asyncio.to_thread(filmstrip, arrays, values)
    return dict(json.loads(figure.to_json()))
