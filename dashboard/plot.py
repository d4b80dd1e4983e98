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


def tools(plot: str) -> html.Div:
    """Export buttons; `assets/export.js` acts on them."""
    words = {"svg": "SVG", "png": "PNG", "csv": "CSV", "table": "Table"}
    buttons = [
        html.Button(
            text,
            className="tool",
            **{
                "data-export": kind,
                "data-plot": plot,
                "aria-label": f"{text} of {plot.replace('-', ' ')}",
            },
        )
        for kind, text in words.items()
    ]
    return html.Div(buttons, className="tools", role="group", **{"aria-label": "Export"})


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
