"""What the weights of a dropped checkpoint say before there are any data: words, table, figure."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.plot import panel
from minimascope.contract.weights import WeightReport, WeightRow
from minimascope.results.weights import Weights, cells, head

ROWS = 400  # of a table; the whole is the command line's
LAYERS = 80  # whose spectra are held for the figure, the largest
ALONE = "What the weights alone say"


def section() -> html.Section:
    """Empty until a checkpoint is there."""
    figure = panel(
        ids.WEIGHTS,
        "Singular values",
        "Density of the squared singular values of one weight, with a random matrix's",
        height=300,
        above=html.Div(id="weights-menu"),
    )
    return html.Section(
        [
            dcc.Loading(html.Div(id="weights-said"), type="dot", delay_show=300),
            html.Div(figure, className="gone", id=ids.WEIGHTS_PANEL),
            dcc.Store(id="weights-held"),
            dcc.Store(id="weights-drawn"),
            dcc.Store(id=ids.WEIGHT_LAYER, data=""),
        ],
        className="weights",
        **{"aria-label": ALONE},
    )


def spectra(report: WeightReport) -> dict[str, dict[str, Any]]:
    """By name: what the figure needs of the weights that have a whole spectrum, the largest."""
    known = [row for row in report.rows if row.singular_values and row.singular_values.counts]
    largest = sorted(known, key=lambda row: -row.parameters)[:LAYERS]
    kept = {row.name for row in largest}
    fields = {"singular_values", "matrix", "random_matrix", "power_law"}
    return {
        row.name: row.model_dump(mode="json", include=fields) for row in known if row.name in kept
    }


def menu(names: list[str]) -> html.Div:
    """The weights whose spectrum can be drawn; the choice goes to the store."""
    options = [html.Option(name[:90], value=name) for name in names]
    choice = html.Select(
        options, id=ids.menu(ids.WEIGHT_LAYER), **{"data-choice": ids.WEIGHT_LAYER}
    )
    label = html.Label("Weight", htmlFor=ids.menu(ids.WEIGHT_LAYER))
    return html.Div([label, choice], className="select")


def said(report: WeightReport) -> list[Any]:
    """Findings as sentences, the table folded below them."""
    sentences = [html.P(words, className="found-note") for words in report.findings]
    quiet = [html.P(words, className="hint") for words in Weights(report).notes()]
    folded = html.Details(
        [
            html.Summary("Weight by weight"),
            html.Div(_table(report), className="weights-scroll"),
            *quiet,
        ],
        className="weights-rows",
    )
    return [html.H3(ALONE), *sentences, folded]


def _table(report: WeightReport) -> html.Div:
    compared = report.against is not None
    rows = [_row(row, compared) for row in report.rows[:ROWS]]
    more = len(report.rows) - len(rows)
    caption = f"{more} more are told by minimascope weights." if more else ""
    return table(head(report), rows, caption)


def _row(row: WeightRow, compared: bool) -> list[str]:
    return cells(row, compared=compared)
