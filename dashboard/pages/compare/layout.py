"""Several minima side by side: the sentence, boundaries, differences, the line, every number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.chip import verdict_chip
from dashboard.components.choice import select
from dashboard.components.plot import panel, switch, tools
from dashboard.pages.compare import line
from dashboard.pages.compare.choosing import adding, moves, saving
from dashboard.pages.compare.colour_bar import colour_bar
from dashboard.pages.compare.differences import differences
from dashboard.pages.compare.figures import CHOICES
from dashboard.pages.compare.levels import STEPS, place_of, power_of, spans, step_of
from dashboard.pages.compare.measures import Minimum, letters
from dashboard.pages.compare.ranges import named, ranges
from minimascope.contract.compared import sentences
from minimascope.contract.report import measures
from minimascope.contract.schemas import ListedAnalysis

FEW = 6  # minima up to which the pictures come before the numbers
SCATTERED = 4  # minima below which a scatter and parallel axes say nothing that a table does not


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


def _strip_head(place: int, minima: list[Minimum], query: dict[str, Any]) -> html.Div:
    """Letter, name, verdict, and links that move the minimum or leave it out."""
    known = minima[place].numbers
    chosen = [minimum.numbers.id for minimum in minima]
    parts = [
        html.H3(named(place, minima[place])),
        verdict_chip(known.verdict),
        moves(place, chosen, minima[place].name, query),
    ]
    return html.Div([part for part in parts if part is not None], className="strip-head")


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
                _strip_head(index, minima, query),
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


def one_data(minima: Sequence[Minimum]) -> bool:
    """Whether all saw the same training and test set; what is not known is taken to be the same."""
    known = [(m.about.get("train"), m.about.get("test")) for m in minima if m.about]
    return len(set(known)) <= 1


def _first(minima: list[Minimum], query: dict[str, Any], others: Any) -> list[Any]:
    """Name, what can be done with the comparison, and the sentence."""
    name = str(query.get("name") or "")
    chosen = [minimum.numbers.id for minimum in minima]
    tools = [part for part in (adding(chosen, others, query), saving(name)) if part is not None]
    numbers = [minimum.numbers for minimum in minima]
    names = [letters(index) for index in range(len(minima))]
    said = sentences(numbers, names, one_data=one_data(minima))
    tone = "" if one_data(minima) else " warn"
    head = html.Div(
        [html.H1(name or f"{len(minima)} minima"), html.Div(tools, className="list-tools")],
        className="page-head",
    )
    return [head, html.P(said, className=f"compare-said{tone}") if said else None]


def content(
    minima: list[Minimum], query: dict[str, Any], others: Sequence[ListedAnalysis] = ()
) -> html.Div:
    """The sentence first, then gaps, boundaries, differences, the line, numbers, rankings."""
    only = switch("Differences only", ids.DIFFERENCES, "false")
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
            html.Div(html.H2("Measures that rank them like the gap"), className="panel-head"),
            html.Div(id="compare-ranking", className="table-scroll", tabIndex=0),
            _meanings(),
        ],
        className="panel panel-ranking",
    )
    numbers = html.Section(
        [
            html.Div([html.H2("Every number"), only], className="panel-head"),
            *_sliders(minima, query),
            html.Div(id=ids.COMPARE_NUMBERS, className="table-scroll", tabIndex=0),
        ],
        className="panel panel-numbers",
    )
    two, every = _panels(minima, query)
    gaps = ranges(minima)
    pictures = html.Div([html.Div([two, ranking_panel], className="measures"), every])
    measures = [html.Div(pictures, hidden=len(minima) < SCATTERED)]
    grid = _grid(minima, query)
    between = line.line_panel(minima, query)
    few = len(minima) <= FEW
    apart = differences(minima)
    order = [grid, apart, between, *measures, numbers]
    if not few:
        order = [*measures, numbers, between, grid]
    return html.Div(
        [
            dcc.Store(id="compare-items", data={"minima": items}),
            dcc.Store(id="compare-drawn"),
            *_first(minima, query, others),
            gaps,
            *order,
        ],
        className="page page-compare",
    )


def chooser() -> html.Div:
    return html.Div(
        [
            html.H1("Compare"),
            html.P("Tick two or more finished analyses in the list.", className="lead"),
            html.Div(id=ids.COMPARISONS),
            dcc.Link("Choose from the list", href="/", className="button primary"),
        ],
        className="page page-narrow",
    )
