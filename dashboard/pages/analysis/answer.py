"""The answer above everything: its sentence, the range bar, what to do next, why."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.range_bar import Range, range_bar, range_key
from dashboard.components.term import term
from dashboard.components.words import TONES, count, with_error
from dashboard.pages.analysis.absence import absence
from dashboard.pages.analysis.folds_words import folds_offer
from dashboard.pages.analysis.polish import button, polishable
from dashboard.pages.analysis.words import temperature
from minimascope.contract.report import Check, Finding, Gap, ObjectiveSummary, Report, sentences

# What a check measured, and which side of its line holds.
MEASURED = {
    "convergence": ("gradient over the decay's own", "a minimum has at most"),
    "temperature": ("temperature", "at most"),
    "interpolation": ("TIC over soft rank", "at least"),
}
MARKS = {True: ("✓", "holds"), False: ("✗", "does not hold"), None: ("?", "not told")}


def answer(report: Report, *, again: str, final: bool = False) -> html.Div:
    """Everything said of the gap, first; `again`: where the same files are analysed again."""
    gap = report.gap
    if gap is None:
        why = absence(report, "gap", final=final)
        words = html.P(f"How far test loss will be above training loss: {why}.")
        return html.Div(html.Div(words, className="answer-words"), className="answer muted")
    children = [
        html.P(_sentence(gap), className="expected"),
        html.P(_reasons(gap, report), className="reasons"),
        html.Div(_next(gap, report, again), className="next"),
        *_open_findings(report.objective),
        _why(gap, report),
    ]
    shown = [child for child in children if child is not None]
    return html.Div(shown, className=f"answer {TONES[gap.verdict]}")


def _sentence(gap: Gap) -> list[Any]:
    """The headline; what was measured is part of the answer where there is no estimate."""
    said: list[Any] = [sentences.expected(gap)]
    if gap.headline is None and (measured := sentences.measured(gap)):
        said.append(f" {measured}")
    return said


def _reasons(gap: Gap, report: Report) -> list[Any]:
    said: list[Any] = [f"{gap.reason} "]
    if least := sentences.at_least(gap):
        said.append(f"{least} ")
    if gap.headline is not None and (measured := sentences.measured(gap)):
        said.append(measured)
    if (folds := report.cross_validation) is not None:
        value, error = with_error(folds.gap, folds.standard_error)
        by = f" By {count(folds.k)} folds of your own training the gap is"
        said.append(f"{by} {value} {error}".rstrip() + " nats.")
    return said


def _next(gap: Gap, report: Report, again: str) -> list[Any]:
    """What to do now, each a button."""
    steps: list[Any] = []
    if gap.lambda_ is None:
        words = "Analyse again with more told of the training"
        steps.append(dcc.Link(words, href=again, className="button"))
    if again and polishable(report):
        steps.append(button())
    if report.data.test is None:
        steps.append(dcc.Link("Add a test set", href=again, className="button"))
    if gap.diagnostics.top5_share is not None:
        words = "Show the examples that count"
        steps.append(html.Button(words, className="button", **{"data-goto": "data"}))
    return steps


def range_panel(report: Report) -> html.Div | None:
    """Estimate with its interval and the measured gap on one line, in words and drawn."""
    if report.gap is None:
        return None
    found = range_of(report.gap)
    bar = range_bar(found)
    if bar is None:
        return None
    key = range_key(estimated=found.value is not None, measured=found.measured is not None)
    title = html.P([term("gap", "Gap"), ", ", term("nats")], className="range-title")
    return html.Div([title, bar, key], className="range-panel")


def range_of(gap: Gap) -> Range:
    """What the bar draws of a report's gap."""
    found, measured = gap.headline, gap.measured
    test = (measured.value, measured.standard_error) if measured else (None, None)
    if found is None:
        return Range(None, None, None, *test, unused=gap.disowned)
    return Range(found.value, found.half, found.ninety, *test)


def _why(gap: Gap, report: Report) -> html.Details:
    """Folded: the checks with their thresholds, how often such intervals held, what was told."""
    coverage = sentences.coverage(gap)
    parts = [
        html.Ul([_check(check) for check in gap.checks], className="checks"),
        html.P(coverage, className="hint") if coverage else None,
        folds_offer(report),
        None if report.objective is None else _told(report.objective),
    ]
    shown = [part for part in parts if part is not None]
    return html.Details([html.Summary(checks_words(gap.checks)), *shown], className="why")


def checks_words(checks: list[Check]) -> str:
    """`Why: 6 of 7 checks hold, 1 not told`."""
    if not checks:
        return "Why"
    failed = sum(check.passed is False for check in checks)
    unknown = sum(check.passed is None for check in checks)
    head = f"Why: {len(checks) - failed - unknown} of {len(checks)} checks hold"
    return f"{head}, {unknown} not told" if unknown else head


def _check(check: Check) -> html.Li:
    mark, words = MARKS[check.passed]
    number = check_number(check)
    tone = {True: "good", False: "warn", None: "muted"}[check.passed]
    return html.Li(
        [
            html.Span(mark, className=f"check-mark {tone}", role="img", **{"aria-label": words}),
            html.Span([check.sentence, html.Span(number, className="muted")]),
        ]
    )


def check_number(check: Check) -> str:
    """What was measured and where the line is, where both say why the check went as it did."""
    if check.value is None or check.threshold is None or check.name not in MEASURED:
        return ""
    what, allowed = MEASURED[check.name]
    value = temperature(check.value) if check.name == "temperature" else f"{check.value:.2g}"
    number = f"{what} {value}"
    # A schedule makes good what is beyond the line, which then says nothing.
    beyond = check.name == "convergence" and check.value > check.threshold
    return f" ({number})" if beyond else f" ({number}; {allowed} {check.threshold:g})"


def _open_findings(objective: ObjectiveSummary | None) -> list[html.Div]:
    if objective is None:
        return []
    return [_finding(place, each) for place, each in enumerate(objective.findings)]


def _finding(place: int, finding: Finding) -> html.Div:
    """What the weights say, and a button that analyses them so."""
    parts: list[Any] = [html.P(finding.sentence)]
    if finding.flags:
        parts.append(html.Button("Analyse so", id=ids.analyse_so(place), className="button"))
    return html.Div(parts, className="finding")


def _told(objective: ObjectiveSummary) -> html.Div:
    said = [html.P(words) for words in (objective.checked, objective.read) if words]
    rows = sentences.told(objective)
    head = "What was told of the training"
    return html.Div([*said, table(("what", "told"), rows, head)], className="told")
