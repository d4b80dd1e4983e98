"""Controls of the drawn plane: which one, what is shown over it, how points are coloured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dash import dcc, html

from dashboard.components import ids

PlaneKind = Literal["inputs", "principal", "none"]
PLANES = {
    "": "two principal components",
    "points": "three points",
    "extremes": "extremes of the eigenvector",
    "principal": "other components",
    "pca": "points only, PCA",
    "tsne": "points only, t-SNE",
}
FIELDS = {"": "alignment", "class": "classes", "gap": "logit gap"}
COLOURS = {"": "alignment", "class": "class"}


def _menu(identifier: str, words: str, options: Mapping[str, str], *, hidden: bool) -> html.Div:
    entries = [html.Option(text, value=key) for key, text in options.items()]
    select = html.Select(entries, id=identifier)
    label = html.Label(words, htmlFor=identifier)
    return html.Div([label, select], className="menu-choice", hidden=hidden)


def plane_controls(kind: PlaneKind, *, aligned: bool = True) -> html.Div:
    """Menus of the map; `analysis/plane_menus.mjs` keeps them and the address in step.

    Planes are offered where the inputs are not drawn as they are, colours where there are two.
    """
    rows: list[Any] = [
        html.Div(
            dcc.Input(id=ids.PLANE_ROWS, type="text", placeholder="3, 60, 110", debounce=False),
            id=ids.PLANE_ROWS_FIELD,
            hidden=True,
        ),
        html.Button("Draw", id=ids.PLANE_DRAW, className="tool", hidden=True),
    ]
    planes = [_menu(ids.PLANE_MENU, "Plane", PLANES, hidden=False), *rows]
    return html.Div(
        [
            *(planes if kind == "principal" else []),
            _menu(ids.FIELD_MENU, "Show", FIELDS, hidden=kind == "none"),
            _menu(ids.COLOUR_MENU, "Colour", COLOURS, hidden=kind != "none" or not aligned),
            dcc.Store(id=ids.PLANE_ASK),
            dcc.Store(id="plane-answer"),
            dcc.Store(id="plane-taken"),
        ],
        className="plane-controls",
        role="group",
        **{"aria-label": "What the map shows"},
    )
