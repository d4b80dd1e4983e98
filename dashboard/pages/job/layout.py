"""One job, live: stages by server-sent events, cancel, retry, the way to the results."""

from __future__ import annotations

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.notices import skeleton
from dashboard.components.words import when
from minimascope.contract.schemas import Analysis


def content(analysis: Analysis) -> html.Div:
    """The frame; `job/follow.mjs` fills `job-live` from the snapshot and the event stream."""
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    started = f"asked for {when(analysis.created_at)}"
    return html.Div(
        [
            dcc.Store(id=ids.JOB, data={"analysis": analysis.model_dump(mode="json")}),
            html.Div(
                [html.Div([html.H1(name), html.P(started, className="subtitle")])],
                className="page-head",
            ),
            html.Div(skeleton(6), id=ids.JOB_PLACEHOLDER),
            html.Div(id=ids.JOB_LIVE, **{"aria-live": "polite"}),
            html.Div(id="job-problem"),
            html.Div(
                [
                    dcc.Link(
                        "Open results",
                        href=f"/analyses/{analysis.id}",
                        id=ids.JOB_RESULTS,
                        className="button primary gone",
                    ),
                    html.Button("Cancel", id=ids.JOB_CANCEL, className="button gone"),
                    html.Button("Try again", id=ids.JOB_RETRY, className="button gone"),
                ],
                className="actions",
            ),
            html.Section(
                [
                    html.H2("Log"),
                    html.Div(id=ids.JOB_LOG, className="log", role="log", tabIndex=0),
                ],
                className="panel",
                hidden=True,
                **{"aria-label": "Log"},
            ),
        ],
        className="page page-narrow page-job",
    )
