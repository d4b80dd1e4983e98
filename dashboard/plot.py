"""A plot on a page: title, export tools, a labelled image, its data table."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

CONFIG: Any = {
    "displayModeBar": False,
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "doubleClick": "reset",
}
# Transparent until the browser fills in a figure in its own theme.
BLANK: dict[str, Any] = {
    "data": [],
    "layout": {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    },
}


KINDS = (
    ("svg", "3.39", "SVG, one column (3.39 in)"),
    ("svg", "6.9", "SVG, full width (6.9 in)"),
    ("png", "3.39", "PNG, one column (3.39 in)"),
    ("png", "6.9", "PNG, full width (6.9 in)"),
    ("csv", "", "CSV of what is drawn"),
    ("json", "", "JSON of what is drawn"),
)


def tools(plot: str) -> html.Div:
    """Export menu and table switch; `assets/export.js` acts on them."""
    name = plot.replace("-", " ")
    items = [
        html.Button(
            words,
            className="menu-item",
            **{"data-export": kind, "data-plot": plot, "data-inches": inches or "6.9"},
        )
        for kind, inches, words in KINDS
    ]
    summary = html.Summary("Export", className="tool", **{"aria-label": f"Export {name}"})
    table = html.Button(
        "Table",
        className="tool",
        **{
            "data-export": "table",
            "data-plot": plot,
            "aria-label": f"Table of {name}",
            "aria-expanded": "false",
        },
    )
    menu = html.Details([summary, html.Div(items, className="menu-items")], className="menu")
    return html.Div([menu, table], className="tools")


def image(plot: str, label: str, *, height: int) -> list[Any]:
    """The drawing as role=img with a label, and the hidden table that holds its data."""
    return [
        html.Div(
            dcc.Graph(
                id=plot,
                figure=BLANK,
                config=CONFIG,
                responsive=True,
                className="graph",
            ),
            id=f"{plot}-frame",
            role="img",
            className="frame",
            style={"height": height},
            **{"aria-label": label, "aria-describedby": f"{plot}-table"},
        ),
        html.Div(id=f"{plot}-table", className="plot-table", hidden=True, tabIndex=0),
    ]


def panel(
    plot: str, title: str, label: str, *, height: int, above: Any = None, below: Any = None
) -> html.Section:
    """A titled plot with its tools; `above` and `below` are controls and readouts."""
    head = html.Div([html.H2(title), tools(plot)], className="panel-head")
    body = image(plot, label, height=height)
    return html.Section([head, above, *body, below], className=f"panel panel-{plot}")
