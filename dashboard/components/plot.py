"""A plot on a page: title, export tools, a labelled image, its data table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboard.components import ids

KINDS = (
    ("svg", "3.39", "SVG, one column (3.39 in)"),
    ("svg", "6.9", "SVG, full width (6.9 in)"),
    ("png", "3.39", "PNG, one column (3.39 in)"),
    ("png", "6.9", "PNG, full width (6.9 in)"),
    ("csv", "", "CSV of what is drawn"),
    ("json", "", "JSON of what is drawn"),
)


def menu(words: str, items: Sequence[Any], *, label: str = "") -> html.Details:
    """A button that opens a short list of actions; `export/menus.mjs` closes it again."""
    named: dict[str, Any] = {"aria-label": label} if label else {}
    summary = html.Summary(words, className="tool", **named)
    return html.Details([summary, html.Div(list(items), className="menu-items")], className="menu")


def tools(plot: str, *switches: Any) -> html.Div:
    """Switches of this plot, its export menu and table; `export/menus.mjs` acts on them."""
    name = plot.replace("-", " ")
    items = [
        html.Button(
            words,
            className="menu-item",
            **{"data-export": kind, "data-plot": plot, "data-inches": inches or "6.9"},
        )
        for kind, inches, words in KINDS
    ]
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
    return html.Div(
        [*switches, menu("Export", items, label=f"Export {name}"), table], className="tools"
    )


def image(plot: str, label: str, *, height: int | str) -> list[Any]:
    """The drawing as role=img with a label, and the hidden table that holds its data."""
    return [
        html.Div(
            html.Div(id=plot, className="graph"),
            id=ids.frame(plot),
            role="img",
            className="frame",
            style={"height": height},
            **{"aria-label": label, "aria-describedby": ids.table(plot)},
        ),
        html.Div(id=ids.table(plot), className="plot-table", hidden=True, tabIndex=0),
    ]


def switch(words: str, identifier: str, pressed: str) -> html.Button:
    """A button that is on or off."""
    return html.Button(words, id=identifier, className="tool", **{"aria-pressed": pressed})


def panel(
    plot: str,
    title: Any,
    label: str,
    *,
    height: int | str,
    switches: Sequence[Any] = (),
    above: Any = None,
    below: Any = None,
) -> html.Section:
    """A titled plot with its tools; `above` and `below` are controls and readouts."""
    head = html.Div([html.H2(title), tools(plot, *switches)], className="panel-head")
    body = image(plot, label, height=height)
    return html.Section([head, above, *body, below], className=f"panel panel-{plot}")


def strip(plot: str, title: str, label: str, *, above: Any = None, below: Any = "") -> html.Section:
    """A row of tiles, each a button or a link with words of its own: no image as a whole."""
    head = html.Div([html.H2(title), above, tools(plot)], className="panel-head")
    tiles = html.Div(
        id=plot,
        className="tiles",
        role="group",
        **{"aria-label": label, "aria-describedby": ids.table(plot)},
    )
    table = html.Div(id=ids.table(plot), className="plot-table", hidden=True, tabIndex=0)
    words = html.P(below, className="hint strip-words")
    return html.Section([head, tiles, words, table], className=f"panel panel-{plot}")
