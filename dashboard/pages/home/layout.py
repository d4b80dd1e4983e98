"""All analyses: a drop zone, the list with its key numbers, the way to compare; the empty state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.components.drop_zone import checkpoint_zone
from dashboard.components.notices import refusal, skeleton
from dashboard.pages.home.listing import listing
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Analysis, KeyNumbers

SHOWN = 200
AT_ONCE = 50  # what GET /compare takes


def layout(**_: Any) -> html.Div:
    """Drop zone over the list."""
    intro = "What kind of minimum did training find, and will it generalize?"
    tools = html.Div(
        [
            dcc.Input(
                id="filter", type="search", placeholder="Filter", debounce=False, className="filter"
            ),
            html.Button(
                "Compare",
                id="compare-button",
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
            html.Div(skeleton(), id="listing"),
            dcc.Interval(id="listing-tick", interval=4000),
            dcc.Store(id="listing-digest"),
            dcc.Store(id="upload-checkpoint"),
        ],
        className="page page-home",
    )


class Known:
    """Key numbers of finished analyses, which no longer change: each is asked for once."""

    def __init__(self, client: AsyncClient) -> None:
        self._client, self._found = client, dict[str, KeyNumbers]()

    async def of(self, items: Sequence[Analysis]) -> dict[str, KeyNumbers]:
        done = [item.id for item in items if item.state == "done"]
        new = [identifier for identifier in done if identifier not in self._found]
        for first in range(0, len(new), AT_ONCE):
            page = await self._client.compare(new[first : first + AT_ONCE])
            self._found |= {numbers.id: numbers for numbers in page.items}
        self._found = {key: self._found[key] for key in done if key in self._found}
        return self._found


def register(pages: Dash, client: AsyncClient) -> None:
    """The list, renewed where it has changed; the upload that leads to the next step."""
    dash.register_page("dashboard.home", path="/", title="minimascope", layout=layout)
    known = Known(client)

    @pages.callback(
        Output("listing", "children"),
        Output("listing-digest", "data"),
        Input("listing-tick", "n_intervals"),
        State("listing-digest", "data"),
    )
    async def renew(_: int | None, digest: str | None) -> tuple[Any, Any]:
        try:
            page = await client.analyses(limit=SHOWN)
            numbers = await known.of(page.items)
        except ProblemError as problem:
            return refusal(problem), ""
        now = hashlib.sha256(page.model_dump_json().encode()).hexdigest()
        if now == digest:
            return no_update, no_update
        return listing(page.items, numbers), now

    pages.clientside_callback(
        ClientsideFunction("listing", "arrived"),
        Output("listing", "title"),
        Input("listing", "children"),
    )
    pages.clientside_callback(
        ClientsideFunction("upload", "next_step"),
        Output("here", "href"),
        Input("upload-checkpoint", "data"),
        prevent_initial_call=True,
    )
