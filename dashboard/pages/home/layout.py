"""All analyses: a drop zone, the list with its key numbers, the way to compare; the empty state."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.drop_zone import checkpoint_zone
from dashboard.components.notices import skeleton


def layout(**_: Any) -> html.Div:
    """Drop zone over the list."""
    intro = "What kind of minimum did training find, and will it generalize?"
    tools = html.Div(
        [
            dcc.Input(
                id=ids.FILTER,
                type="search",
                placeholder="Filter",
                debounce=False,
                className="filter",
            ),
            html.Button(
                "Compare",
                id=ids.COMPARE_BUTTON,
                className="button",
                disabled=True,
                title="Tick two or more finished analyses",
            ),
        ],
        className="list-tools",
    )
    return html.Div(
        [
            html.H1("Analyses"),
            html.P(intro, className="subtitle"),
            checkpoint_zone(),
            html.Div([html.H2("All"), tools], className="panel-head list-head"),
            html.Div(skeleton(), id=ids.LISTING),
            dcc.Interval(id="listing-tick", interval=4000),
            dcc.Store(id="listing-digest"),
            dcc.Store(id=ids.uploaded("checkpoint")),
        ],
        className="page page-home",
    )
