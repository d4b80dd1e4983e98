"""The analysis page at work: its report, its drawing, planes asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import dash
from dash import Dash, Input, Output, State, html

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import elsewhere, missing
from dashboard.pages.analysis import again_callbacks, plane_callbacks, polish
from dashboard.pages.analysis.layout import content
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES


def register(pages: Dash, client: AsyncClient) -> None:
    """The layout loads the report; the arrays follow and are drawn in the browser."""

    async def layout(analysis_id: str = "", **_: Any) -> html.Div:
        try:
            analysis = await client.analysis(analysis_id)
            report = await client.report(analysis_id)
        except ProblemError as problem:
            if problem.code == "no_report_yet":
                return elsewhere(f"/jobs/{analysis_id}")
            return missing("No report to show", problem)
        if analysis.state not in FINAL_STATES and report.spectrum is None and report.gap is None:
            return elsewhere(f"/jobs/{analysis_id}")  # which shows what is known by then
        return await asyncio.to_thread(content, analysis, report)

    dash.register_page(
        "dashboard.analysis",
        path_template="/analyses/<analysis_id>",
        title="Analysis",
        layout=layout,
    )

    pages.clientside_callback(
        in_browser("go_on"),
        Output(ids.HERE, "href", allow_duplicate=True),
        Input("elsewhere", "data"),
        prevent_initial_call="initial_duplicate",
    )
    plane_callbacks.register(pages, client)
    again_callbacks.register(pages, client)
    polish.register(pages, client)
    pages.clientside_callback(
        in_browser("plane_arrived"),
        Output("plane-taken", "data"),
        Input("plane-answer", "data"),
        prevent_initial_call=True,
    )
    # The browser has asked for the drawing already (`boot.js`); here it starts.
    pages.clientside_callback(
        in_browser("analysis_begins"),
        Output("analysis-id", "modified_timestamp"),
        Input("analysis-id", "data"),
        State("analysis-final", "data"),
    )
