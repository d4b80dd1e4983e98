"""One analysis: the answer, key numbers, linked pictures on one screen, groups of details."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import dcc, html

from dashboard.components import budget, ids
from dashboard.components.again import again_address
from dashboard.components.chip import verdict_chip
from dashboard.components.notices import remark
from dashboard.components.plot import menu
from dashboard.components.words import STAGES, STATES, count, moment, percent, plural
from dashboard.pages.analysis.answer import answer, range_panel
from dashboard.pages.analysis.groups import groups
from dashboard.pages.analysis.key_numbers import kpi_strip
from dashboard.pages.analysis.panels import boundary, card, filmstrip, plane_kind, spectrum
from dashboard.pages.analysis.sample_words import budget_words, sample_words
from dashboard.pages.analysis.taken import taken
from minimascope.contract.report import Failure, Report
from minimascope.contract.schemas import FINAL_STATES, Analysis

API = "/api/v1/analyses"
ITEM = "menu-item"
OUT_OF_TIME = "out_of_time"
COPIES = (
    ("curl", "Copy curl"),
    ("python", "Copy Python"),
    ("link", "Copy link"),
    ("share", "Copy link for readers without login"),
    ("unshare", "End links for readers without login"),
    ("embed", "Copy picture to embed (HTML)"),
)

SHOWN = 3  # warnings at once


def _subtitle(analysis: Analysis, report: Report) -> list[Any]:
    kind = (report.checkpoint.architecture or {}).get("family", report.checkpoint.format)
    what = "training point" if report.tokens is None else "training sequence"
    data = plural(report.data.train.n, what)
    if report.tokens is not None:
        data += f" of {plural(report.tokens.counted, 'token')}"
    if report.data.test is not None:
        test = report.data.test
        right = "" if test.accuracy is None else f" ({percent(test.accuracy)} right)"
        data += f", {count(test.n)} test{right}"
    shape = plural(report.checkpoint.parameters, "parameter")
    loss = report.loss.replace("_", "-")
    ended = moment(analysis.finished_at) if analysis.finished_at else STATES[analysis.state]
    told = [" · ".join((f"{kind}, {shape}", loss, data, "")), ended]
    if budget.chosen(analysis.parameters) != "everything":
        told.append(f" · {budget.said(analysis.parameters)}")
    return told


def _remarks(analysis: Analysis, report: Report) -> list[Any]:
    notes = [failure_notice(each, stages) for each, stages in _told_apart(report.failures)]
    notes += _warnings(report.warnings)
    quiet = [html.P(said) for said in budget_words(report)]
    if report.spectrum is not None and report.spectrum.sample is not None:
        quiet.append(html.P(sample_words(report, report.spectrum, report.spectrum.sample)))
    notes += [remark(*quiet)] if quiet else []
    if analysis.elsewhere or analysis.run:
        notes.insert(0, _origin(analysis))
    if analysis.state not in FINAL_STATES:
        link = dcc.Link("Watch it run", href=f"/jobs/{analysis.id}")
        notes.insert(0, remark("Later stages are still running; what is here is final. ", link))
    return notes


def _warnings(said: list[str]) -> list[html.Div]:
    """In one note; of many those of the files, which come first, are folded away."""
    if not said:
        return []
    early, late = (said[:-SHOWN], said[-SHOWN:]) if len(said) > SHOWN + 1 else ([], said)
    lines: list[Any] = [html.P(each) for each in late]
    if early:
        head = html.Summary(f"{len(early)} more remarks")
        lines.append(html.Details([head, *map(html.P, early)]))
    return [remark(*lines, tone="warn")]


def _told_apart(failures: list[Failure]) -> list[tuple[Failure, list[str]]]:
    """Each reason once, with every stage that it is the reason of."""
    found: dict[tuple[str, str], tuple[Failure, list[str]]] = {}
    for each in failures:
        _, stages = found.setdefault((each.code, each.sentence), (each, []))
        stages.append(STAGES.get(each.stage, each.stage))
    return list(found.values())


def failure_notice(failure: Failure, stages: list[str]) -> html.Div:
    """Red where something went wrong; what has no meaning here, or a budget left out, is said."""
    said, tone = "could not be computed", "bad"
    if failure.inapplicable:
        said, tone = "does not apply here", "plain"
    elif failure.code == OUT_OF_TIME:
        said, tone = "not reached in the seconds given", "warn"
    return remark(
        html.Strong(f"{', '.join(stages)}: {said}. "),
        failure.advice if failure.code == OUT_OF_TIME else f"{failure.sentence} {failure.advice}",
        tone=tone,
    )


def _origin(analysis: Analysis) -> html.Div:
    """Who computed it, where not this server; of which run it is."""
    said: list[Any] = []
    if analysis.elsewhere and analysis.made_by:
        made = analysis.made_by
        said.append(
            f"Computed elsewhere by minimascope {made.version} (estimators "
            f"{made.estimators or 'unknown'}) and published here: this server has neither weights "
            "nor data, and vouches for no number. "
        )
    if analysis.run is not None:
        link = dcc.Link(f"run {analysis.run}", href=f"/runs/{quote(analysis.run, safe='')}")
        said += [f"Step {count(analysis.step or 0)} of ", link, "."]
    return remark(*said)


def _head(analysis: Analysis, report: Report) -> html.Div:
    address = f"{API}/{analysis.id}"
    download = (
        html.Button("Report to read offline (HTML)", className=ITEM, **{"data-whole": "html"}),
        html.Button("Everything (zip)", className=ITEM, **{"data-whole": "zip"}),
        html.A("Report (JSON)", href=f"{address}/report", className=ITEM, download="report.json"),
        html.A("Arrays (npz)", href=f"{address}/arrays.npz", className=ITEM, download="arrays.npz"),
    )
    copy = [
        html.Button(words, className=ITEM, **{"data-copy": kind, "data-id": analysis.id})
        for kind, words in COPIES
    ]
    actions = html.Div([menu("Download", download), menu("Share", copy)], className="tools")
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    chip = verdict_chip(None if report.gap is None else report.gap.verdict)
    subtitle = html.P(_subtitle(analysis, report), className="subtitle")
    return html.Div(
        [html.Div([html.H1(name), chip, subtitle], className="title-row"), actions],
        className="page-head",
    )


def _bench(report: Report, known: int, *, final: bool) -> tuple[list[Any], str]:
    """The pictures side by side and what the row is called; without points there is no map."""
    plane, film = plane_kind(report), filmstrip(report)
    if report.tokens is not None or (final and report.data.classes is None):
        return [spectrum(report)], "bench no-map"
    right = [part for part in (spectrum(report), card()) if part is not None]
    bench = [
        film,
        boundary(known, plane=plane, report=report, final=final),
        html.Div(right, className="stack"),
    ]
    return bench, "bench" + " no-rail" * (film is None)


def content(analysis: Analysis, report: Report) -> html.Div:
    """The page without its figures, which follow in the `analysis` store."""
    known = 0 if report.spectrum is None else len(report.spectrum.eigenvalues)
    final = analysis.state in FINAL_STATES
    again = "" if analysis.elsewhere else again_address(analysis)
    bench, look = _bench(report, known, final=final)
    return html.Div(
        [
            dcc.Store(id="analysis-id", data=analysis.id),
            dcc.Store(id="analysis-final", data=final),
            _head(analysis, report),
            html.Div(id=ids.ANALYSIS_PROBLEM),
            html.Div(
                [
                    answer(report, again=again, final=final),
                    range_panel(report),
                    kpi_strip(report, final=final),
                ],
                className="first",
            ),
            *_remarks(analysis, report),
            html.Div(bench, className=look),
            groups(report, final=final),
            taken(report),
        ],
        className="page page-analysis",
    )
