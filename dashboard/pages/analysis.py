"""One analysis: key numbers, the verdict in words, linked pictures, tabs."""

from __future__ import annotations

import asyncio
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard.drawing import drawing
from dashboard.kpis import kpi_strip
from dashboard.notices import missing, remark
from dashboard.pages.detail import LABELS, TABS, side
from dashboard.plot import image, panel, tools
from dashboard.words import ADVICE, STATES, plural, when
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
        data += f", {report.data.test.n:,} test"
    shape = plural(report.checkpoint.parameters, "parameter")
    loss = report.loss.replace("_", "-")
    ended = when(analysis.finished_at) if analysis.finished_at else STATES[analysis.state]
    return " · ".join((f"{kind}, {shape}", loss, data, ended))


def _verdict(report: Report) -> html.Div | None:
    gap = report.gap
    if gap is None:
        return None
    tone = "good" if gap.verdict == "reliable" else "warn"
    advice = ADVICE[gap.verdict]
    if report.data.test is None and gap.verdict != "no_estimate":
        advice = f"{advice} A test set would measure the gap itself.".strip()
    children: list[Any] = [gap.reason]
    if advice:
        children.append(html.Span(f" {advice}", className="verdict-advice"))
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


def _vectors(count: int) -> html.Div:
    buttons = [
        html.Button(
            ["v", html.Sub(str(k))],
            className="segment",
            **{"data-vector": str(k), "aria-pressed": "false", "aria-label": f"eigenvector {k}"},
        )
        for k in range(1, count + 1)
    ]
    return html.Div(buttons, className="segments", role="group", **{"aria-label": "Eigenvector"})


def _switch(words: str, identifier: str, pressed: str) -> html.Button:
    return html.Button(words, id=identifier, className="tool", **{"aria-pressed": pressed})


def _boundary(count: int, *, plane: bool) -> html.Section:
    switches = [_switch("Flip sign", "sign-switch", "false")]
    title, label = "Training points", "Training points in two principal directions, coloured "
    label += "by the alignment of the loss gradient with the chosen Hessian eigenvector."
    if plane:
        switches.insert(0, _switch("Margins", "margins-switch", "true"))
        title = "Decision boundary"
        label = "Alignment of the loss gradient with the chosen Hessian eigenvector over the "
        label += "input plane, with the decision boundary and the training points."
    controls = html.Div(
        [_vectors(count), html.Div(switches, className="tools")], className="controls"
    )
    readout = html.P(id="point-readout", className="readout", role="status")
    return panel("boundary", title, label, height=600, above=controls, below=readout)


def _gap(report: Report) -> html.Section | None:
    gap = report.gap
    if gap is None or not gap.curves.lambda_:
        return None
    slider = html.Div(
        [
            html.Label("λ", htmlFor="lambda-slider"),
            dcc.Input(id="lambda-slider", type="range", min=0, max=1000, step=1, value=500),
            html.Output(id="lambda-readout"),
        ],
        className="slider",
    )
    label = "Estimates of the generalization gap against lambda, with the measured gap."
    return panel("gap", "Gap against λ", label, height=320, below=slider)


def _spectrum(report: Report) -> html.Section | None:
    if report.spectrum is None:
        return None
    label = "Density of the Hessian's eigenvalues and the largest eigenvalues as stems."
    return panel("spectrum", "Hessian spectrum", label, height=320)


def _filmstrip(report: Report) -> html.Section | None:
    if report.spectrum is None or report.data.input_shape != [2]:
        return None
    bar = html.Div(
        [html.Span("−1"), html.Span(className="bar"), html.Span("1"), html.Span("alignment")],
        className="shared-bar",
        **{"aria-hidden": "true"},
    )
    label = "The decision boundary and the alignment with each eigenvector, one tile each."
    return panel("filmstrip", "Filmstrip", label, height=210, below=bar)


def _tabs(report: Report) -> html.Section:
    buttons = [
        html.Button(
            words,
            id=f"tab-{name}",
            className="tab",
            role="tab",
            **{"data-tab": name, "aria-selected": "false", "aria-controls": f"side-{name}"},
        )
        for name, words in TABS.items()
    ]
    sides = [
        html.Div(
            side(name, report),
            id=f"side-{name}",
            className=f"side side-{name}",
            hidden=True,
            role="tabpanel",
            **{"data-side": name, "aria-labelledby": f"tab-{name}"},
        )
        for name in TABS
    ]
    figure = html.Div(
        [*image("detail", LABELS["overlaps"], height=420), tools("detail")], className="detail-plot"
    )
    return html.Section(
        [
            html.Div(buttons, className="tabs", role="tablist", **{"aria-label": "Details"}),
            html.Div([html.Div(sides, className="sides"), figure], className="detail"),
        ],
        className="panel panel-tabs",
    )


def _head(analysis: Analysis, report: Report) -> html.Div:
    address = f"{API}/{analysis.id}"
    actions = html.Div(
        [
            html.A("Report", href=f"{address}/report", className="tool", download="report.json"),
            html.A("Arrays", href=f"{address}/arrays.npz", className="tool", download="arrays.npz"),
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
    plane = report.data.input_shape == [2]
    right = [part for part in (_spectrum(report), _gap(report)) if part is not None]
    return html.Div(
        [
            dcc.Store(id="analysis-id", data=analysis.id),
            dcc.Store(id="analysis"),
            dcc.Store(id="view", data={}),
            dcc.Store(id="analysis-theme"),
            _head(analysis, report),
            *_remarks(analysis, report),
            kpi_strip(report),
            _verdict(report),
            html.Div(
                [_boundary(known, plane=plane), html.Div(right, className="stack")],
                className="pictures",
            ),
            _filmstrip(report),
            _tabs(report),
        ],
        className="page page-analysis",
    )


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
        report, arrays = await asyncio.gather(
            client.report(identifier), _arrays(client, identifier)
        )
        return await asyncio.to_thread(drawing, report, arrays)

    for plot in PLOTS:
        _draw(pages, plot, plot)
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
