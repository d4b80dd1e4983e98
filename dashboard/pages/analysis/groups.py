"""The four groups under the pictures: each with its finding, its parts and one figure."""

from __future__ import annotations

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.plot import image, panel, switch, tools
from dashboard.components.term import term
from dashboard.pages.analysis.findings import FINDINGS
from dashboard.pages.analysis.folds_words import folds_words
from dashboard.pages.analysis.tabs import GROUPS, LABELS, TABS, side
from minimascope.contract.report import Report


def gap(report: Report) -> html.Section | None:
    """Estimates over λ with the slider that chooses one; nothing before the gap stage."""
    if report.gap is None or not report.gap.curves.lambda_:
        return None
    slider = html.Div(
        [
            html.Label("λ", htmlFor=ids.LAMBDA_SLIDER),
            dcc.Input(id=ids.LAMBDA_SLIDER, type="range", min=0, max=1000, step=1, value=500),
            html.Output(id=ids.LAMBDA_READOUT),
        ],
        className="slider",
    )
    linear = switch("Linear axis", ids.LINEAR_SWITCH, "false")
    label = "Estimates of the generalization gap against lambda, with the measured gap."
    below = html.Div([slider, *folds_words(report)])
    title = html.Span([term("gap", "Gap"), " against ", term("lambda")])
    return panel(ids.GAP, title, label, height=320, switches=[linear], below=below)


def groups(report: Report, *, final: bool = False) -> html.Section:
    """Four tabs with their findings; below, the parts of the open one."""
    heads = [_head(name, FINDINGS[name](report, final=final)) for name in GROUPS]
    bodies = [_body(name, report) for name in GROUPS]
    figure = html.Div(
        [tools(ids.DETAIL), *image(ids.DETAIL, LABELS["overlaps"], height=420)],
        className="detail-plot",
    )
    return html.Section(
        [
            html.Div(heads, className="groups", role="tablist", **{"aria-label": "Details"}),
            gap(report),
            html.Div([html.Div(bodies, className="sides"), figure], className="detail"),
        ],
        className="panel panel-tabs",
    )


def _head(name: str, finding: str) -> html.Button:
    words = [
        html.Span(GROUPS[name][0], className="group-name"),
        html.Span(finding, className="group-finding"),
    ]
    return html.Button(
        words,
        id=ids.group(name),
        className="group",
        role="tab",
        **{"data-group": name, "aria-selected": "false", "aria-controls": f"parts-{name}"},
    )


def _body(name: str, report: Report) -> html.Div:
    """The parts of a group: buttons that choose one, and its words and tables."""
    parts = GROUPS[name][1]
    buttons = [
        html.Button(
            TABS[part],
            id=ids.tab(part),
            className="part",
            **{"data-tab": part, "aria-pressed": "false", "aria-controls": ids.side(part)},
        )
        for part in parts
    ]
    sides = [
        html.Div(
            side(part, report),
            id=ids.side(part),
            className=f"side side-{part}",
            hidden=True,
            **{"data-side": part},
        )
        for part in parts
    ]
    chooser = html.Div(buttons, className="parts", role="group", **{"aria-label": GROUPS[name][0]})
    return html.Div(
        [chooser, *sides],
        id=f"parts-{name}",
        role="tabpanel",
        hidden=True,
        **{"data-parts": name, "aria-labelledby": ids.group(name)},
    )
