"""Home: the story, a drop zone, the minima with what can be done to them; the empty state."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.drop_zone import checkpoint_zone
from dashboard.components.notices import skeleton
from dashboard.pages.home.story import story


def layout(q: str = "", **_: Any) -> html.Div:
    """`q` is what the list is filtered by."""
    tools = html.Div(
        [
            html.Label("Filter minima", htmlFor=ids.FILTER, className="unseen"),
            dcc.Input(
                id=ids.FILTER,
                type="search",
                value=q,
                placeholder="Filter   /",
                debounce=False,
                className="filter",
            ),
            html.Button(
                "Compare",
                id=ids.COMPARE_BUTTON,
                className="button",
                disabled=True,
                title="Tick two or more finished minima",
            ),
        ],
        className="list-tools",
    )
    return html.Div(
        [
            story(),
            checkpoint_zone(),
            html.Div([html.H2("Minima"), tools], className="panel-head list-head"),
            html.Div(skeleton(), id=ids.LISTING),
            html.P(id=ids.NOTHING_FOUND, className="hint", hidden=True, role="status"),
            _describing(),
            dcc.Interval(id=ids.LISTING_TICK, interval=4000),
            dcc.Store(id="listing-digest"),
            dcc.Store(id=ids.uploaded("checkpoint")),
        ],
        className="page page-home",
    )


def _describing() -> html.Dialog:
    """Name, project, tags and notes of one minimum."""
    return html.Dialog(
        [
            html.H2("Describe"),
            html.Div(id=ids.DESCRIBE_FIELDS),
            html.P(id=ids.DESCRIBE_PROBLEM, className="hint bad", role="alert"),
            html.Div(
                [
                    html.Button("Save", id=ids.DESCRIBE_SAVE, className="button primary"),
                    html.Button("Cancel", id=ids.DESCRIBE_CLOSE, className="button"),
                ],
                className="actions",
            ),
        ],
        id=ids.DESCRIBE,
        **{"aria-label": "Describe a minimum"},
    )
