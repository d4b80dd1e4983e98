"""The list's rows: picture, name, verdict, and the numbers one wants at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dashboard.components.chip import verdict_chip
from dashboard.components.range_bar import Range, Scale, range_bar, scale_of
from dashboard.components.term import term
from dashboard.components.words import STATES, VERDICTS, count, moment, number, percent, plural
from dashboard.pages.home.row_menu import row_menu
from minimascope.contract.schemas import FINAL_STATES, KeyNumbers, ListedAnalysis

# What can be sorted by: its key in the address, its heading, the term that explains it.
SORTED = (
    ("name", "Minimum", ""),
    ("verdict", "Verdict", "verdict"),
    ("gap", "Gap, nats", "gap"),
    ("accuracy", "Test accuracy", ""),
    ("lambda", "λ₁", "lambda_1"),
    ("directions", "Directions", "n90"),
    ("started", "Started", ""),
)
RANKS = {"reliable": 0, "uncertain": 1, "no_estimate": 2}
SHORT = 90  # letters of a note in the list


def _name(analysis: ListedAnalysis) -> str:
    return analysis.name or f"Analysis {analysis.id[:8]}"


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


def _box(analysis: ListedAnalysis) -> html.Button | None:
    if analysis.state != "done":
        return None
    return html.Button(
        className="check",
        role="checkbox",
        **{
            "data-compare": analysis.id,
            "aria-checked": "false",
            "aria-label": f"Compare {_name(analysis)}",
        },
    )


def range_of(numbers: KeyNumbers) -> Range:
    """What the row's bar draws."""
    measured = numbers.gap_measured, numbers.gap_measured_error
    known = numbers.gap_estimate, numbers.gap_half, numbers.gap_ninety
    return Range(*known, *measured, unused=numbers.gap_not_used)


def _gap(numbers: KeyNumbers, scale: Scale | None) -> Any:
    found = range_of(numbers)
    bar = range_bar(found, scale=scale)
    return found.words or "not computed" if bar is None else bar


def _largest(numbers: KeyNumbers) -> str | list[html.Span]:
    """λ₁, and that it is too large on average where it is a sample's."""
    said = number(numbers.lambda_max)
    if numbers.spectrum_examples is None:
        return said
    words = f"of {plural(numbers.spectrum_examples, 'example')}"
    return [html.Span(said, className="figure"), html.Span(words, className="tone warn")]


def _cells(numbers: KeyNumbers, scale: Scale | None) -> list[html.Td]:
    directions = "—" if numbers.n90 is None else count(numbers.n90)
    chip = verdict_chip(numbers.verdict)
    cells = (
        ("verdict", "Verdict", "not computed" if chip is None else chip),
        ("gap", "Gap, nats", _gap(numbers, scale)),
        ("accuracy", "Test accuracy", percent(numbers.test_accuracy)),
        ("lambda", "λ₁", _largest(numbers)),
        ("directions", "Directions", directions),
    )
    return [
        html.Td(value, className=f"cell-{key}", **{"data-label": words})
        for key, words, value in cells
    ]


def _headed(analysis: ListedAnalysis) -> html.Th:
    """Name, project, tags and the beginning of the note."""
    marks = [html.Span(tag, className="tag") for tag in analysis.tags]
    if analysis.project:
        marks.insert(0, html.Span(analysis.project, className="tag project"))
    if analysis.pinned:
        marks.insert(0, html.Span("pinned", className="tag"))
    note = analysis.notes.strip().split("\n")[0]
    parts: list[Any] = [dcc.Link(_name(analysis), href=_address(analysis))]
    parts += [html.Span(marks, className="tags")] if marks else []
    parts += [html.Span(note[:SHORT], className="row-note")] if note else []
    return html.Th(parts, scope="row", className="cell-name")


def _sorting(analysis: ListedAnalysis, numbers: KeyNumbers | None) -> dict[str, str]:
    """What the browser sorts by; a number that is disowned is none."""
    known = numbers or KeyNumbers(id=analysis.id, name="", state=analysis.state)
    gap = known.gap_measured if known.gap_measured is not None else known.gap_estimate
    values: dict[str, Any] = {
        "name": _name(analysis).lower(),
        "verdict": RANKS.get(known.verdict or ""),
        "gap": gap,
        "accuracy": known.test_accuracy,
        "lambda": known.lambda_max,
        "directions": known.n90,
        "started": analysis.created_at.timestamp(),
    }
    return {f"data-by-{key}": str(value) for key, value in values.items() if value is not None}


def _searched(analysis: ListedAnalysis, numbers: KeyNumbers | None) -> str:
    """What the filter looks through."""
    verdicts: dict[str, str] = {**VERDICTS}
    verdict = "" if numbers is None else verdicts.get(numbers.verdict or "", "")
    tags = " ".join(f"#{tag}" for tag in analysis.tags)
    said = (_name(analysis), analysis.state, verdict, analysis.project, tags, analysis.notes)
    return " ".join(said).lower()


def row(
    analysis: ListedAnalysis, numbers: KeyNumbers | None, scale: Scale | None = None
) -> html.Tr:
    """One minimum: a box to compare, its picture, name and key numbers, or how far it is."""
    cells = (
        [html.Td(_progress(analysis), colSpan=len(SORTED) - 2, className="cell-progress")]
        if numbers is None
        else _cells(numbers, scale)
    )
    attributes: dict[str, Any] = {
        "data-row": _searched(analysis, numbers),
        "data-pinned": "1" if analysis.pinned else "",
        **_sorting(analysis, numbers),
    }
    thumb = analysis.id if analysis.state == "done" else ""
    return html.Tr(
        [
            html.Td(_box(analysis), className="cell-check"),
            html.Td(html.Div(className="thumb", **{"data-thumb": thumb}), className="cell-thumb"),
            _headed(analysis),
            *cells,
            html.Td(moment(analysis.created_at), className="cell-time"),
            html.Td(row_menu(analysis, _name(analysis)), className="cell-menu"),
        ],
        **attributes,
    )


def _heading(key: str, words: str, about: str) -> html.Th:
    """A button that sorts, and its term."""
    button = html.Button(words, className="sort", **{"data-sort": key})
    more = [term(about, "?")] if about else []
    return html.Th([button, *more], scope="col", className=f"head-{key}", **{"aria-sort": "none"})


def listing(items: Sequence[ListedAnalysis], numbers: Mapping[str, KeyNumbers]) -> Any:
    """The table, or what to do where there is none yet."""
    if not items:
        return html.Div(
            [
                html.P("No minima yet.", className="lead"),
                html.P("Drop a checkpoint above to analyse the first one, or load the demos:"),
                html.P(html.Code("minimascope demo")),
            ],
            className="empty",
        )
    unnamed = [html.Span(words, className="unseen") for words in ("Compare", "Picture", "Actions")]
    box, thumb, menu = (html.Th(words, scope="col") for words in unnamed)
    head = html.Tr([box, thumb, *[_heading(*each) for each in SORTED], menu])
    scale = scale_of([range_of(each) for each in numbers.values()])
    rows = [row(analysis, numbers.get(analysis.id), scale) for analysis in items]
    note = html.P(
        "Gaps on one scale; blue: measured on the test set ± one standard error; amber: where the "
        "gap lies, by estimate; dashed: computed, not to be used.",
        className="hint",
    )
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="list")
    return [table, note]
