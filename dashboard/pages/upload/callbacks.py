"""The upload page at work: fields of a family, candidates, cost, the start."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import dash
from dash import Dash, Input, Output, State, no_update

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import refusal
from dashboard.pages.upload import check_callbacks, told_fields, weights_callbacks
from dashboard.pages.upload.fields import ASKED, HELD, field_of
from dashboard.pages.upload.layout import START, ZONES, layout
from dashboard.pages.upload.request import request_of
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError


def told_states() -> dict[str, State]:
    """What was said of the training, by field."""
    typed = {each.name: State(each.id, "value") for each in told_fields.TYPED}
    return typed | {each.name: State(each.id, "data") for each in told_fields.CHOSEN}


def register(pages: Dash, client: AsyncClient) -> None:
    """Shows the fields of the chosen family; starts the analysis and goes to its job."""
    dash.register_page("dashboard.upload", path="/upload", title="New analysis", layout=layout)
    pages.clientside_callback(
        in_browser("upload_family"),
        Output("up-activation-field", "className"),
        Output("up-sequential-field", "className"),
        Output("up-candidates-field", "className"),
        Input(ids.UP_FAMILY, "data"),
    )
    pages.clientside_callback(
        in_browser("upload_told"),
        *(Output(f"{each.id}-field", "className") for each in told_fields.FIELDS),
        Output(ids.UP_STATE, "className"),
        Output(ids.UP_ABOUT, "children"),
        Input(ids.UP_LOSS, "data"),
        Input(ids.UP_OPTIMIZER, "data"),
    )
    pages.clientside_callback(
        in_browser("upload_budget"),
        Output("up-seconds-field", "className"),
        Output(ids.UP_BUDGET_SAID, "children"),
        Input(ids.UP_BUDGET, "data"),
    )
    check_callbacks.register(pages, client)
    weights_callbacks.register(pages, client)
    pages.clientside_callback(
        in_browser("form_changed"),
        Output(ids.UP_PROBLEM, "children", allow_duplicate=True),
        *(Input(ids.uploaded(kind), "data") for kind in ZONES),
        *(Input(identifier, held) for identifier, held in HELD.items()),
        prevent_initial_call=True,
    )

    pages.clientside_callback(
        in_browser("refusal_placed"),
        Output(ids.UP_PROBLEM, "title"),
        Input(ids.UP_PROBLEM, "children"),
        prevent_initial_call=True,
    )

    @pages.callback(
        output=[
            Output(ids.HERE, "href", allow_duplicate=True),
            Output(ids.UP_PROBLEM, "children"),
            # A plan that was refused says so above: once is enough.
            Output("up-cost", "children", allow_duplicate=True),
        ],
        inputs={"clicks": Input("up-start", "n_clicks")},
        state={
            "key": State("up-key", "data"),
            "files": {kind: State(ids.uploaded(kind), "data") for kind in ZONES},
            "values": {field: State(f"up-{field}", HELD[f"up-{field}"]) for field in ASKED},
            "told": told_states(),
        },
        prevent_initial_call=True,
        running=[
            (Output("up-start", "disabled"), True, False),
            (Output("up-start", "children"), "Checking that the files fit…", START),
        ],
    )
    async def start(
        clicks: int | None,
        key: str,
        files: dict[str, Any],
        values: dict[str, Any],
        told: dict[str, Any],
    ) -> tuple[Any, Any, Any]:
        if not clicks:
            return no_update, no_update, no_update
        try:
            request = request_of({**values, **told}, files)
            digest = f"{key}-{crc32(request.model_dump_json().encode()):08x}"
            analysis = await client.submit(request, idempotency_key=digest)
        except ProblemError as problem:
            return no_update, refusal(problem, of=field_of(problem)), None
        return f"/jobs/{analysis.id}", "", no_update
