"""Several minima side by side: shared scales, a scatter of any two measures, every number."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.choice import select
from dashboard.components.plot import panel, switch, tools
from dashboard.components.range_bar import Range, range_bar, range_key
from dashboard.components.words import VERDICTS
from dashboard.pages.analysis.panels import colour_bar
from dashboard.pages.compare import line
from dashboard.pages.compare.figures import CHOICES
from dashboard.pages.compare.levels import STEPS, place_of, power_of, spans, step_of
from dashboard.pages.compare.measures import Minimum, letters
from minimascope.contract.report import measures
from minimascope.contract.report.sentences import LIES

FEW = 6  # minima up to which the pictures come before the numbers


def _slider(name: str, words: str, low: int, high: int, at: int, *, shown: bool) -> html.Div:
    return html.Div(
        [
            html.Label(words, htmlFor=name),
            dcc.Input(id=name, type="range", min=low, max=high, step=1, value=at),
            html.Output(id=f"{name}-said"),
        ],
        className="slider compare-slider" if shown else "gone",
    )


def _sliders(minima: list[Minimum], query: dict[str, Any]) -> list[html.Div]:
    """One level of each kind for all minima."""
    found = spans(minima)
    step = step_of(query.get("lambda"), found.lambdas) if found.lambdas else 0
    first, last = found.powers or (0, 0)
    power = power_of(query.get("threshold"), found.powers, minima) if found.powers else 0
    place = place_of(query.get("epsilon"), found.epsilons) if found.epsilons else 0
    most = max(0, len(found.epsilons) - 1)
    return [
        _slider(ids.COMPARE_THRESHOLD, "t", first, last, power, shown=bool(found.powers)),
        _slider(ids.COMPARE_EPSILON, "ε", 0, most, place, shown=bool(found.epsilons)),
        _slider(ids.COMPARE_LAMBDA, "λ", 0, STEPS, step, shown=bool(found.lambdas)),
    ]


def _meanings() -> html.Details:
    """What the measures say and do not say."""
    rows = [html.Div([html.Dt(each.name), html.Dd(each.sentence)]) for each in measures.EVERY]
    return html.Details(
        [html.Summary("What these measures say, and what they do not"), html.Dl(rows)],
        className="folded meanings",
    )


def _panels(minima: list[Minimum], query: dict[str, Any]) -> tuple[Any, Any]:
    # Counts are in reports since schema 2; of older ones alone a picture would be empty.
    usual = "count_at" if any(each.counts for each in minima) else "lambda_max"
    x = query.get("x") if query.get("x") in CHOICES else usual
    y = query.get("y") if query.get("y") in CHOICES else "gap_measured"
    selects = html.Div(
        [
            select(ids.COMPARE_X, CHOICES, str(x), label="Across"),
            select(ids.COMPARE_Y, CHOICES, str(y), label="Up"),
        ],
        className="controls",
    )
    two = panel(
        ids.SCATTER,
        "Two measures",
        "Scatter of two measures, one marker a minimum.",
        height=470,
        above=selects,
    )
    every = panel(
        ids.PARALLEL,
        "All measures",
        "Parallel coordinates: each measure scaled from its smallest to its largest value.",
        height=380,
    )
    return two, every


def _grid(minima: list[Minimum], query: dict[str, Any]) -> html.Section:
    """A row of tiles a minimum, painted as each arrives; a tile leads to its analysis."""
    vectors = html.Div(
        [
            html.Label("Eigenvectors", htmlFor="compare-vectors"),
            dcc.Input(
                id="compare-vectors", type="text", value=query.get("vector") or "1-5", debounce=True
            ),
        ],
        className="counter",
    )
    rows = [
        html.Div(
            [
                html.H3(_named(index, minimum)),
                html.Div(className="tiles"),
                html.P(className="hint strip-note"),
            ],
            className="strip",
            **{"data-strip": minimum.numbers.id},
        )
        for index, minimum in enumerate(minima)
    ]
    head = html.Div(
        [html.H2("Boundaries and eigenvectors"), colour_bar(), vectors, tools(ids.GRID)],
        className="panel-head",
    )
    table = html.Div(id=ids.table(ids.GRID), className="plot-table", hidden=True, tabIndex=0)
    return html.Section([head, *rows, table], className="panel panel-grid")


def _ranges(minima: list[Minimum]) -> html.Section | None:
    """Every estimate with its interval, and the measured gap, on one scale."""
    ranges = [_range(minimum) for minimum in minima]
    largest = max((found.largest for found in ranges), default=0.0)
    bars = [range_bar(found, largest=largest) for found in ranges]
    if not any(bars):
        return None
    rows = [
        html.Div(
            [
                html.Div(_named(index, minimum), className="range-name"),
                html.Div("not computed" if bar is None else bar),
                html.Div(_said(minimum), className="range-said"),
            ],
            className="range-row",
        )
        for index, (minimum, bar) in enumerate(zip(minima, bars, strict=True))
    ]
    key = range_key(
        estimated=any(found.value is not None for found in ranges),
        measured=any(found.measured is not None for found in ranges),
    )
    head = html.Div(html.H2("Gap: interval and measurement"), className="panel-head")
    return html.Section([head, *rows, key], className="panel panel-ranges")


def _range(minimum: Minimum) -> Range:
    known = minimum.numbers
    measured = known.gap_measured, known.gap_measured_error
    return Range(known.gap_estimate, known.gap_half, known.gap_ninety, *measured)


def _said(minimum: Minimum) -> str:
    verdicts: dict[str, str] = {**VERDICTS}
    known = minimum.numbers
    lies = "" if known.gap_lies is None else f"; measured {LIES[known.gap_lies]}"
    return verdicts.get(known.verdict or "", "no verdict") + lies


def _named(index: int, minimum: Minimum) -> list[Any]:
    return [
        html.Span(letters(index), className="letter"),
        dcc.Link(minimum.name, href=f"/analyses/{minimum.numbers.id}"),
    ]


def content(minima: list[Minimum], query: dict[str, Any]) -> html.Div:
    """Numbers first, then the ranking, the paper's figure, the scatter, all measures."""
    differences = switch("Differences only", "differences", "false")
    items = [
        {
            "numbers": m.numbers.model_dump(),
            "lambdas": m.lambdas,
            "curves": dict(m.curves),
            "about": dict(m.about),
            "counts": None if m.counts is None else m.counts.model_dump(),
            "complexity": dict(m.complexity),
        }
        for m in minima
    ]
    ranking_panel = html.Section(
        [
            html.Div(html.H2("Which measure orders them as the gap does"), className="panel-head"),
            *_sliders(minima, query),
            html.Div(id="compare-ranking", className="table-scroll", tabIndex=0),
            _meanings(),
        ],
        className="panel panel-ranking",
    )
    numbers = html.Section(
        [
            html.Div([html.H2("Every number"), differences], className="panel-head"),
            html.Div(id=ids.COMPARE_NUMBERS, className="table-scroll", tabIndex=0),
        ],
        className="panel panel-numbers",
    )
    two, every = _panels(minima, query)
    ranges = _ranges(minima)
    measures = [html.Div([two, ranking_panel], className="measures"), every]
    grid = _grid(minima, query)
    between = line.line_panel(minima, query)
    few = len(minima) <= FEW
    order = [grid, between, *measures, numbers] if few else [*measures, numbers, between, grid]
    return html.Div(
        [
            dcc.Store(id="compare-items", data={"minima": items}),
            dcc.Store(id="compare-drawn"),
            html.H1(f"{len(minima)} minima"),
            ranges,
            *order,
        ],
        className="page page-compare",
    )


def chooser() -> html.Div:
    return html.Div(
        [
            html.H1("Compare"),
            html.P("Tick two or more finished analyses in the list.", className="lead"),
            dcc.Link("Choose from the list", href="/", className="button primary"),
        ],
        className="page page-narrow",
    )
