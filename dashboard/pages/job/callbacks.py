"""A job's page: its snapshot, cancel, retry."""

from __future__ import annotations

from typing import Any

import dash
from dash import Dash, Input, Output, State, html

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import missing, refusal
from dashboard.pages.job.layout import content
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError


def register(pages: Dash, client: AsyncClient) -> None:
    """Layout from a snapshot, then the browser follows the events."""

    async def layout(job_id: str = "", beside: str = "", **_: Any) -> html.Div:
        try:
            return content(await client.analysis(job_id), beside=beside)
        except ProblemError as problem:
            return missing("No such job", problem)

    dash.register_page("dashboard.job", path_template="/jobs/<job_id>", title="Job", layout=layout)
    pages.clientside_callback(
        in_browser("job_follow"), Output(ids.JOB_LIVE, "title"), Input(ids.JOB, "data")
    )

    for action in ("cancel", "retry"):
        _act(pages, client, action)


def _act(pages: Dash, client: AsyncClient, action: str) -> None:
    @pages.callback(
        Output("job-problem", "children", allow_duplicate=True),
        Output(ids.JOB, "data", allow_duplicate=True),
        Input(f"job-{action}", "n_clicks"),
        State(ids.JOB, "data"),
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
