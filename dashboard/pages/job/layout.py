"""One job, live: stages by server-sent events, cancel, retry, the way to the results."""

from __future__ import annotations

import re

from dash import dcc, html

from dashboard.components import budget, ids
from dashboard.components.notices import skeleton
from dashboard.components.words import moment
from minimascope.contract.schemas import Analysis

IDENTIFIER = re.compile("[0-9a-f]{32}")
LOOK = "What is known before any curvature"
WAITING = "Pictures of the network come as soon as the files are open."


def content(analysis: Analysis, *, beside: str = "") -> html.Div:
    """The frame; `job/follow.mjs` fills `job-live` from the snapshot and the event stream.

    `beside`: an analysis that this one is compared with once it is done.
    """
    results = f"/analyses/{analysis.id}"
    if IDENTIFIER.fullmatch(beside):
        results = f"/compare?ids={beside},{analysis.id}"
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    given = f" · {budget.said(analysis.parameters)}"
    started = html.P(["queued ", moment(analysis.created_at), given], className="subtitle")
    return html.Div(
        [
            dcc.Store(
                id=ids.JOB,
                data={"analysis": analysis.model_dump(mode="json"), "results": results},
            ),
            html.Div(
                [html.Div([html.H1(name), started])],
                className="page-head",
            ),
            html.Div([_now(results), _look(), _log()], className="job-columns"),
        ],
        className="page page-job",
    )


def _now(results: str) -> html.Div:
    """Progress, stages and what can be done."""
    opened = dcc.Link(
        "Open results",
        href=results,
        id=ids.JOB_RESULTS,
        className="button primary gone",
    )
    cancel = html.Button("Cancel", id=ids.JOB_CANCEL, className="button gone")
    again = html.Button("Try again", id=ids.JOB_RETRY, className="button gone")
    return html.Div(
        [
            html.Div(skeleton(6), id=ids.JOB_PLACEHOLDER),
            html.Div(id=ids.JOB_LIVE, **{"aria-live": "polite"}),
            html.Div(id="job-problem"),
            html.Div([opened, cancel, again], className="actions"),
        ],
        className="job-now",
    )


def _look() -> html.Section:
    """Filled by `job/first_look.mjs` as soon as the files are open."""
    label = {"aria-label": LOOK}
    return html.Section(html.P(WAITING, className="hint"), id=ids.FIRST_LOOK, **label)


def _log() -> html.Section:
    log = html.Div(id=ids.JOB_LOG, className="log", role="log", tabIndex=0)
    look, label = "panel job-said", {"aria-label": "Log"}
    return html.Section([html.H2("Log"), log], className=look, hidden=True, **label)
