"""The list's rows: name, state, and the numbers one wants at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from dashboard.components.words import STATES, VERDICTS, count, number, plural, when
from minimascope.contract.report.sentences import nats, span
from minimascope.contract.schemas import FINAL_STATES, KeyNumbers, ListedAnalysis

COLUMNS = ("Minimum", "Estimated gap", "Measured gap", "λ₁", "Closest crossing", "Parameters")


def _address(analysis: ListedAnalysis) -> str:
    return f"/analyses/{analysis.id}" if analysis.state == "done" else f"/jobs/{analysis.id}"


def _progress(analysis: ListedAnalysis) -> Any:
    """What a row without results says instead: how far it is, or why it failed."""
    state = html.Span(STATES[analysis.state], className=f"state state-{analysis.state}")
    if analysis.state in FINAL_STATES:
        sentence = str((analysis.problem or {}).get("sentence", ""))
        return [state, html.Span(sentence, className="row-problem")]
    width = f"{100 * min(max(analysis.progress, 0.0), 1.0):.0f}%"
    meter = html.Div(html.Div(style={"width": width}), className="meter", title=width)
    return [state, meter]


def _box(analysis: ListedAnalysis, name: str) -> html.Button | None:
    if analysis.state != "done":
        return None
    return html.Button(
        className="check",
        role="checkbox",
        **{
            "data-compare": analysis.id,
            "aria-checked": "false",
            "aria-label": f"Compare {name}",
        },
    )


def _verdict(numbers: KeyNumbers) -> Any:
    verdicts: dict[str, str] = {**VERDICTS}
    words = verdicts.get(numbers.verdict or "", "")
    tone = "good" if numbers.verdict == "reliable" else "warn"
    if numbers.gap_estimate is None:
        return html.Span(words or "not computed", className=f"tone {tone}")
    ends = numbers.gap_ninety
    found = html.Span(nats(numbers.gap_estimate), className="figure")
    between = html.Span(span(numbers.gap_estimate, ends) if ends else "", className="ends")
    return [found, between, html.Span(words, className=f"tone {tone}")]


def _largest(numbers: KeyNumbers) -> str | list[html.Span]:
    """λ₁, and that it is too large on average where it is a sample's."""
    said = number(numbers.lambda_max)
    if numbers.spectrum_examples is None:
        return said
    words = f"of {plural(numbers.spectrum_examples, 'example')}"
    return [html.Span(said, className="figure"), html.Span(words, className="tone warn")]


def _margin(numbers: KeyNumbers) -> str | list[html.Span]:
    """The closest crossing, and what is certified beside it."""
    said, lower = number(numbers.closest_crossing), numbers.closest_crossing_lower
    if numbers.closest_crossing is None or lower is None:
        return said
    least = html.Span(f"at least {number(lower)}", className="ends")
    return [html.Span(said, className="figure"), least]


def _cells(numbers: KeyNumbers) -> list[html.Td]:
    size = "—" if numbers.parameters is None else count(numbers.parameters)
    cells = (
        ("gap", "Estimated gap", _verdict(numbers)),
        ("measured", "Measured gap", number(numbers.gap_measured)),
        ("lambda", "λ₁", _largest(numbers)),
        ("margin", "Closest crossing", _margin(numbers)),
        ("size", "Parameters", size),
    )
    return [
        html.Td(value, className=f"cell-{key}", **{"data-label": words})
        for key, words, value in cells
    ]


def row(analysis: ListedAnalysis, numbers: KeyNumbers | None) -> html.Tr:
    """One analysis: a box to compare, its name and key numbers, or how far it is."""
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    cells = (
        [html.Td(_progress(analysis), colSpan=len(COLUMNS) - 1, className="cell-progress")]
        if numbers is None
        else _cells(numbers)
    )
    return html.Tr(
        [
            html.Td(_box(analysis, name), className="cell-check"),
            html.Th(dcc.Link(name, href=_address(analysis)), scope="row"),
            *cells,
            html.Td(when(analysis.created_at), className="cell-time"),
        ],
        **{"data-row": f"{name} {analysis.state} {numbers.verdict if numbers else ''}".lower()},
    )


def listing(items: list[ListedAnalysis], numbers: Mapping[str, KeyNumbers]) -> Any:
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
            *[html.Th(words, scope="col") for words in (*COLUMNS, "Started")],
        ]
    )
    rows = [row(analysis, numbers.get(analysis.id)) for analysis in items]
    note = html.P("Gaps in nats of mean loss; margins in units of the inputs.", className="hint")
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="list")
    return [table, note]
