"""The list, renewed where it has changed; the upload that leads to the next step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, no_update

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import refusal
from dashboard.pages.home.layout import layout
from dashboard.pages.home.listing import listing
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import KeyNumbers, ListedAnalysis

AT_ONCE = 50  # what GET /compare takes
SHOWN = 200


class Known:
    """Key numbers of finished analyses, which no longer change: each is asked for once."""

    def __init__(self, client: AsyncClient) -> None:
        self._client, self._found = client, dict[str, KeyNumbers]()

    async def of(self, items: Sequence[ListedAnalysis]) -> dict[str, KeyNumbers]:
        done = [item.id for item in items if item.state == "done"]
        new = [identifier for identifier in done if identifier not in self._found]
        for first in range(0, len(new), AT_ONCE):
            page = await self._client.compare(new[first : first + AT_ONCE])
            self._found |= {numbers.id: numbers for numbers in page.items}
        self._found = {key: self._found[key] for key in done if key in self._found}
        return self._found


def register(pages: Dash, client: AsyncClient) -> None:
    """The list, renewed where it has changed; the upload that leads to the next step."""
    dash.register_page("dashboard.home", path="/", title="Minima · minimascope", layout=layout)
    known = Known(client)

    @pages.callback(
        Output(ids.LISTING, "children"),
        Output("listing-digest", "data"),
        Input(ids.LISTING_TICK, "n_intervals"),
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
        in_browser("list_arrived"),
        Output(ids.LISTING, "title"),
        Input(ids.LISTING, "children"),
    )
    pages.clientside_callback(
        in_browser("story_begins"),
        Output(ids.STORY, "title"),
        Input(ids.STORY, "id"),
    )
    pages.clientside_callback(
        in_browser("upload_next_step"),
        Output(ids.HERE, "href"),
        Input(ids.uploaded("checkpoint"), "data"),
        prevent_initial_call=True,
    )
