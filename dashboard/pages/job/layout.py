"""One job, live: stages by server-sent events, cancel, retry, the way to the results."""

from __future__ import annotations

from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.components.notices import missing, refusal, skeleton
from dashboard.components.words import STAGES, when
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Analysis


def content(analysis: Analysis) -> html.Div:
    """The frame; `assets/job.js` fills `job-live` from the snapshot and the event stream."""
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    started = f"asked for {when(analysis.created_at)}"
    return html.Div(
        [
            dcc.Store(
                id="job", data={"analysis": analysis.model_dump(mode="json"), "stages": STAGES}
            ),
            html.Div(
                [html.Div([html.H1(name), html.P(started, className="subtitle")])],
                className="page-head",
            ),
            html.Div(skeleton(6), id="job-placeholder"),
            html.Div(id="job-live", **{"aria-live": "polite"}),
            html.Div(id="job-problem"),
            html.Div(
                [
                    dcc.Link(
                        "Open results",
                        href=f"/analyses/{analysis.id}",
                        id="job-results",
                        className="button primary gone",
                    ),
                    html.Button("Cancel", id="job-cancel", className="button gone"),
                    html.Button("Try again", id="job-retry", className="button gone"),
                ],
                className="actions",
            ),
            html.Section(
                [
                    html.H2("Log"),
                    html.Div(id="job-log", className="log", role="log", tabIndex=0),
                ],
                className="panel",
                hidden=True,
                **{"aria-label": "Log"},
            ),
        ],
        className="page page-narrow page-job",
    )


def register(pages: Dash, client: AsyncClient) -> None:
    """Layout from a snapshot, then the browser follows the events."""

    async def layout(job_id: str = "", **_: Any) -> html.Div:
        try:
            return content(await client.analysis(job_id))
        except ProblemError as problem:
            return missing("No such job", problem)

    dash.register_page("dashboard.job", path_template="/jobs/<job_id>", title="Job", layout=layout)
    pages.clientside_callback(
        ClientsideFunction("job", "follow"), Output("job-live", "title"), Input("job", "data")
    )

    for action in ("cancel", "retry"):
        _act(pages, client, action)


def _act(pages: Dash, client: AsyncClient, action: str) -> None:
    @pages.callback(
        Output("job-problem", "children", allow_duplicate=True),
        Output("job", "data", allow_duplicate=True),
        Input(f"job-{action}", "n_clicks"),
        State("job", "data"),
        prevent_initial_call=True,
    )
    async def act(clicks: int | None, job: dict[str, Any]) -> tuple[Any, Any]:
        if not clicks:
            return dash.no_update, dash.no_update
        try:
            found = await getattr(client, action)(job["analysis"]["id"])
        except ProblemError as problem:
            return refusal(problem), dash.no_update
        return "", {**job, "analysis": found.model_dump(mode="json")}
