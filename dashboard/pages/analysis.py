"""One analysis: key numbers, the verdict in words, linked pictures, tabs."""

from __future__ import annotations

import asyncio
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard import plane_answer
from dashboard.analysis_panels import boundary, filmstrip, gap, plane_kind, spectrum, tabs
from dashboard.drawing import drawing
from dashboard.kpis import kpi_strip
from dashboard.notices import missing, remark
from dashboard.words import STATES, advice, count, plural, when
from minimascope.calls import Array
from minimascope.client import AsyncClient
from minimascope.problems import ProblemError
from minimascope.report import Report
from minimascope.schemas import FINAL_STATES, Analysis

API = "/api/v1/analyses"
PLOTS = ("boundary", "spectrum", "gap", "filmstrip", "detail")


def _subtitle(analysis: Analysis, report: Report) -> str:
    kind = (report.checkpoint.architecture or {}).get("family", report.checkpoint.format)
    data = plural(report.data.train.n, "training point")
    if report.data.test is not None:
        data += f", {count(report.data.test.n)} test"
    shape = plural(report.checkpoint.parameters, "parameter")
    loss = report.loss.replace("_", "-")
    ended = when(analysis.finished_at) if analysis.finished_at else STATES[analysis.state]
    return " · ".join((f"{kind}, {shape}", loss, data, ended))


def _again(analysis: Analysis) -> str:
    """The upload page with this analysis's files."""
    files = {"checkpoint": analysis.checkpoint, "train": analysis.train, "test": analysis.test}
    return "/upload?" + "&".join(f"{kind}={sha}" for kind, sha in files.items() if sha)


def _verdict(analysis: Analysis, report: Report) -> html.Div | None:
    found = report.gap
    if found is None:
        return None
    tone = "good" if found.verdict == "reliable" else "warn"
    said = advice(found, tested=report.data.test is not None)
    children: list[Any] = [found.reason]
    if said:
        children.append(html.Span(f" {said}", className="verdict-advice"))
    if found.lambda_ is None:
        children += [" ", dcc.Link("Analyse again with a weight decay", href=_again(analysis))]
    return html.Div(children, className=f"verdict {tone}")


def _remarks(analysis: Analysis, report: Report) -> list[Any]:
    notes = [
        remark(
            html.Strong(f"{failure.stage.capitalize()} could not be computed. "),
            f"{failure.sentence} {failure.advice}",
            tone="bad",
        )
        for failure in report.failures
    ]
    notes += [remark(warning, tone="warn") for warning in report.warnings]
    if analysis.state not in FINAL_STATES:
        link = dcc.Link("Watch it run", href=f"/jobs/{analysis.id}")
        notes.insert(0, remark("Later stages are still running; what is here is final. ", link))
    return notes


def _head(analysis: Analysis, report: Report) -> html.Div:
    address = f"{API}/{analysis.id}"
    actions = html.Div(
        [
            html.A("Report", href=f"{address}/report", className="tool", download="report.json"),
            html.A("Arrays", href=f"{address}/arrays.npz", className="tool", download="arrays.npz"),
            html.Button("Zip", className="tool", **{"data-whole": "zip"}),
            html.Button("HTML", className="tool", **{"data-whole": "html"}),
            html.Button(
                "Copy curl", className="tool", **{"data-copy": "curl", "data-id": analysis.id}
            ),
            html.Button(
                "Copy Python", className="tool", **{"data-copy": "python", "data-id": analysis.id}
            ),
        ],
        className="tools",
    )
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    title = html.Div([html.H1(name), html.P(_subtitle(analysis, report), className="subtitle")])
    return html.Div([title, actions], className="page-head")


def content(analysis: Analysis, report: Report) -> html.Div:
    """The page without its figures, which follow in the `analysis` store."""
    known = 0 if report.spectrum is None else len(report.spectrum.eigenvalues)
    right = [part for part in (spectrum(report), gap(report)) if part is not None]
    return html.Div(
        [
            dcc.Store(id="analysis-id", data=analysis.id),
            dcc.Store(id="analysis"),
            dcc.Store(id="view", data={}),
            dcc.Store(id="analysis-theme"),
            _head(analysis, report),
            *_remarks(analysis, report),
            kpi_strip(report),
            _verdict(analysis, report),
            html.Div(
                [boundary(known, plane=plane_kind(report)), html.Div(right, className="stack")],
                className="pictures",
            ),
            filmstrip(report),
            tabs(report),
        ],
        className="page page-analysis",
    )


def about(analysis: Analysis, report: Report) -> dict[str, Any]:
    """What every exported file carries, so that it can be traced and made again."""
    return {
        "id": analysis.id,
        "name": analysis.name,
        "checkpoint": report.checkpoint.sha256,
        "train": analysis.train,
        "test": analysis.test,
        "parameters": analysis.parameters.model_dump(mode="json"),
        "seed": report.seed,
        "dtype": report.dtype,
        "device": report.device,
        "versions": report.versions,
    }


async def _arrays(client: AsyncClient, identifier: str) -> dict[str, Array]:
    """The arrays so far: none before the first stage that writes one."""
    try:
        return await client.arrays(identifier)
    except ProblemError:
        return {}


def _draw(pages: Dash, plot: str, function: str) -> None:
    pages.clientside_callback(
        ClientsideFunction("analysis", function),
        Output(plot, "figure"),
        Input("analysis", "data"),
        Input("view", "data"),
        Input("analysis-theme", "data"),
        prevent_initial_call=True,
    )


def register(pages: Dash, client: AsyncClient) -> None:
    """The layout loads the report; the arrays follow and are drawn in the browser."""

    async def layout(analysis_id: str = "", **_: Any) -> html.Div:
        try:
            analysis, report = await asyncio.gather(
                client.analysis(analysis_id), client.report(analysis_id)
            )
        except ProblemError as problem:
            return missing("No report to show", problem)
        return await asyncio.to_thread(content, analysis, report)

    dash.register_page(
        "dashboard.analysis",
        path_template="/analyses/<analysis_id>",
        title="Analysis",
        layout=layout,
    )

    @pages.callback(Output("analysis", "data"), Input("analysis-id", "data"))
    async def draw(identifier: str) -> dict[str, Any]:
        analysis, report, arrays = await asyncio.gather(
            client.analysis(identifier), client.report(identifier), _arrays(client, identifier)
        )
        return await asyncio.to_thread(drawing, report, arrays, about(analysis, report))

    plane_answer.register(pages, client)
    pages.clientside_callback(
        ClientsideFunction("plane", "arrived"),
        Output("plane-taken", "data"),
        Input("plane-answer", "data"),
        prevent_initial_call=True,
    )
    for plot in PLOTS:
        _draw(pages, plot, plot)
    pages.clientside_callback(
        ClientsideFunction("analysis", "spectrum_select"),
        Input("spectrum", "selectedData"),
        prevent_initial_call=True,
    )
    pages.clientside_callback(
        ClientsideFunction("analysis", "arrive"),
        Input("analysis", "data"),
        prevent_initial_call=True,
    )
    for plot in ("spectrum", "filmstrip", "boundary", "gap"):
        pages.clientside_callback(
            ClientsideFunction("analysis", f"{plot}_click"),
            Input(plot, "clickData"),
            State("analysis", "data"),
            prevent_initial_call=True,
        )
