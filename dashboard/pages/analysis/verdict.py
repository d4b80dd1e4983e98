"""The verdict on the analysis page: its sentence, the range bar, why, and what was told."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.range_bar import Range, range_bar, range_key
from dashboard.components.words import advice
from dashboard.pages.analysis.folds_words import folds_offer
from minimascope.contract.report import Check, Finding, Gap, ObjectiveSummary, Report, sentences

MARKS = {True: ("✓", "holds"), False: ("✗", "does not hold"), None: ("?", "not told")}


def verdict(report: Report, *, again: str) -> html.Div | None:
    """Everything said of the gap; nothing before its stage. `again`: where to analyse again."""
    gap = report.gap
    if gap is None:
        return None
    tone = "good" if gap.verdict == "reliable" else "warn"
    children = [
        html.P(sentences.expected(gap), className="expected"),
        _bar(gap),
        html.P(_reasons(gap, again, tested=report.data.test is not None)),
        html.P(sentences.coverage(gap), className="coverage") if gap.headline else None,
        folds_offer(report),
        _why(gap.checks),
        None if report.objective is None else _told(report.objective),
    ]
    shown = [child for child in children if child is not None]
    return html.Div(shown, className=f"verdict {tone}")


def _bar(gap: Gap) -> html.Div | None:
    found = range_of(gap)
    bar = range_bar(found)
    if bar is None:
        return None
    key = range_key(estimated=found.value is not None, measured=found.measured is not None)
    return html.Div([bar, key])


def range_of(gap: Gap) -> Range:
    """What the bar draws of a report's gap."""
    found, measured = gap.headline, gap.measured
    test = (measured.value, measured.standard_error) if measured else (None, None)
    if found is None:
        return Range(None, None, None, *test)
    return Range(found.value, found.half, found.ninety, *test)


def _reasons(gap: Gap, again: str, *, tested: bool) -> list[Any]:
    said: list[Any] = [f"{gap.reason} "]
    if least := sentences.at_least(gap):
        said.append(html.Small(f"{least} "))
    if measured := sentences.measured(gap):
        said.append(f"{measured} ")
    said.append(html.Span(advice(gap, tested=tested), className="verdict-advice"))
    if gap.lambda_ is None:
        said += [" ", dcc.Link("Analyse again with more told of the training", href=again)]
    why = html.Button("See the diagnostics", className="link", **{"data-goto": "estimates"})
    return [*said, " ", why]


def _why(checks: list[Check]) -> html.Details | None:
    if not checks:
        return None
    failed = sum(check.passed is False for check in checks)
    unknown = sum(check.passed is None for check in checks)
    head = f"Why: {len(checks) - failed - unknown} of {len(checks)} checks hold"
    if unknown:
        head += f", {unknown} not told"
    return html.Details(
        [html.Summary(head), html.Ul([_check(check) for check in checks], className="checks")],
        className="why",
    )


def _check(check: Check) -> html.Li:
    mark, words = MARKS[check.passed]
    number = ""
    if check.value is not None and check.threshold is not None:
        number = f" ({check.value:.2g}; threshold {check.threshold:g})"
    tone = {True: "good", False: "warn", None: "muted"}[check.passed]
    return html.Li(
        [
            html.Span(mark, className=f"check-mark {tone}", role="img", **{"aria-label": words}),
            html.Span([check.sentence, html.Span(number, className="muted")]),
        ]
    )


def _finding(place: int, finding: Finding) -> html.Div:
    """What the weights say, and a button that analyses them so."""
    parts: list[Any] = [html.P(finding.sentence)]
    if finding.flags:
        parts.append(html.Button("Analyse so", id=ids.analyse_so(place), className="button"))
    return html.Div(parts, className="finding")


def _told(objective: ObjectiveSummary) -> html.Details:
    found = [_finding(place, each) for place, each in enumerate(objective.findings)]
    read = [html.P(objective.read)] if objective.read else []
    checked = [html.P(objective.checked)] if objective.checked else []
    rows = sentences.told(objective)
    parts = [
        *checked,
        *found,
        *read,
        table(("what", "told"), rows, "What was told of the training"),
    ]
    return html.Details(
        [html.Summary("What was told of the training"), *parts],
        className="why",
        open=bool(found),
    )
