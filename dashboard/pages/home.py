"""All analyses: a drop zone, the list with a filter, the way to compare; the empty state."""

from __future__ import annotations

from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from dashboard.notices import refusal, skeleton
from dashboard.words import STATES, when
from minimascope.client import AsyncClient
from minimascope.problems import ProblemError
from minimascope.schemas import FINAL_STATES, Analysis

SHOWN = 200


def drop_zone(identifier: str, words: str, hint: str, accept: str) -> html.Div:
    """A place for one file; `assets/upload.js` sends it and shows real progress."""
    return html.Div(
        [
            html.Div(
                [
                    html.Span(words, className="drop-words"),
                    html.Span(hint, className="drop-hint"),
                ],
                className="drop-idle",
            ),
            html.Div(className="drop-live", role="status", **{"aria-live": "polite"}),
        ],
        id=f"drop-{identifier}",
        className="drop",
        tabIndex=0,
        role="button",
        **{
            "data-upload": identifier,
            "data-accept": accept,
            "aria-label": f"{words}. {hint}",
        },
    )


def _address(analysis: Analysis) -> str:
    return f"/analyses/{analysis.id}" if analysis.state == "done" else f"/jobs/{analysis.id}"


def _progress(analysis: Analysis) -> Any:
    if analysis.state in FINAL_STATES:
        problem = analysis.problem or {}
        return str(problem.get("sentence", "")) if analysis.state == "failed" else ""
    width = f"{100 * min(max(analysis.progress, 0.0), 1.0):.0f}%"
    return html.Div(html.Div(style={"width": width}), className="meter", title=width)


def row(analysis: Analysis) -> html.Tr:
    """One analysis: a box to compare, its name, state, data, start."""
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    box = (
        html.Button(
            className="check",
            role="checkbox",
            **{
                "data-compare": analysis.id,
                "aria-checked": "false",
                "aria-label": f"Compare {name}",
            },
        )
        if analysis.state == "done"
        else None
    )
    state = html.Span(STATES[analysis.state], className=f"state state-{analysis.state}")
    return html.Tr(
        [
            html.Td(box, className="cell-check"),
            html.Th(dcc.Link(name, href=_address(analysis)), scope="row"),
            html.Td(state),
            html.Td(_progress(analysis), className="cell-progress"),
            html.Td(when(analysis.created_at), className="cell-time"),
        ],
        **{"data-row": f"{name} {analysis.state}".lower()},
    )


def listing(items: list[Analysis]) -> Any:
    """The table, or what to do where there is none yet."""
    if not items:
        return html.Div(
            [
                html.P("No analyses yet.", className="lead"),
                html.P("Drop a checkpoint above to start the first one."),
            ],
            className="empty",
        )
    head = html.Tr(
        [
            html.Th(html.Span("Compare", className="unseen"), scope="col"),
            *[html.Th(words, scope="col") for words in ("Minimum", "State", "", "Started")],
        ]
    )
    return html.Table([html.Thead(head), html.Tbody([row(a) for a in items])], className="list")


def layout(**_: Any) -> html.Div:
    """Drop zone over the list."""
    intro = "What kind of minimum did training find, and will it generalize?"
    tools = html.Div(
        [
            dcc.Input(
                id="filter", type="search", placeholder="Filter", debounce=False, className="filter"
            ),
            html.A("Compare", id="compare-link", className="button disabled", href="/compare"),
        ],
        className="list-tools",
    )
    return html.Div(
        [
            html.H1("Analyses"),
            html.P(intro, className="subtitle"),
            drop_zone(
                "checkpoint",
                "Drop a checkpoint here, or choose a file",
                ".safetensors, .pt, .pth, .ckpt",
                ".safetensors,.pt,.pth,.ckpt",
            ),
            html.Div([html.H2("All"), tools], className="panel-head list-head"),
            html.Div(skeleton(), id="listing"),
            dcc.Interval(id="listing-tick", interval=4000),
            dcc.Store(id="upload-checkpoint"),
        ],
        className="page page-home",
    )


def register(pages: Dash, client: AsyncClient) -> None:
    """The list, renewed every four seconds; the upload that leads to the next step."""
    dash.register_page("dashboard.home", path="/", title="minimascope", layout=layout)

    @pages.callback(Output("listing", "children"), Input("listing-tick", "n_intervals"))
    async def renew(_: int | None) -> Any:
        try:
            page = await client.analyses(limit=SHOWN)
        except ProblemError as problem:
            return refusal(problem)
        return listing(page.items)

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
