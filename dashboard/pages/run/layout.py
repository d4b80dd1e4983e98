"""The page of a run, and the list of runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.plot import image, panel, tools
from dashboard.components.words import count, number, plural, when
from dashboard.pages.run.film import pictured
from minimascope.contract.runs import Run, RunPage, RunPoint, RunSummary

HOW = (
    "with minimascope.track(model, loader, criterion, optimizer,\n"
    '                       publish="http://127.0.0.1:8717", run="my run"):\n'
    "    ..."
)
WORDS = (
    "The dotted line is where the optimiser's steps stop being stable: training tends to rise to "
    "it and to stay there. λ₁ of a sample is rather too large; its bar goes down to the curvature "
    "of the same direction on other examples, which is rather too small. Bars of the gap: one "
    "standard error."
)
COLUMNS = ("Step", "λ₁", "Limit", "Training loss", "Gap", "Soft rank", "Median margin", "G(ε)")


def address(name: str, against: str = "") -> str:
    """Of a run's page, beside another one where there is one."""
    beside = f"?against={quote(against, safe='')}" if against else ""
    return f"/runs/{quote(name, safe='')}{beside}"


def content(run: Run, against: Run | None, others: list[RunSummary]) -> html.Div:
    """Measures, film, every number; `others` are runs that it can be put beside."""
    runs = [run, *([against] if against else [])]
    label = "Measures of the run over its steps; the dotted line is the limit of stability."
    below = html.P(WORDS, className="hint")
    measures = panel(ids.RUN_MEASURES, "Measures over steps", label, height=640, below=below)
    return html.Div(
        [
            dcc.Store(id="run-names", data=[each.name for each in runs]),
            dcc.Store(id="run-figure"),
            dcc.Store(id="film-figures"),
            _head(runs, others),
            html.Div([measures, _film(runs)], className="run-pictures"),
            *[_table(each) for each in runs],
        ],
        className="page page-run",
    )


def _head(runs: list[Run], others: list[RunSummary]) -> html.Div:
    run = runs[0]
    title = " beside ".join(each.name for each in runs)
    said = [html.P(f"{each.name}: {_said(each)}", className="subtitle") for each in runs]
    links = [
        html.Li(dcc.Link(other.name, href=address(run.name, other.name)))
        for other in others
        if other.name not in [each.name for each in runs]
    ]
    if len(runs) > 1:
        links.insert(0, html.Li(dcc.Link("None", href=address(run.name))))
    choice = html.Details(
        [html.Summary("Beside another run"), html.Ul(links, className="run-others")],
        className="folded",
    )
    return html.Div(
        [html.Div([html.H1(f"Run {title}"), *said, choice if links else None])],
        className="page-head",
    )


def _said(run: Run) -> str:
    parts = [
        f"{plural(len(run.points), 'report')} of steps {count(run.first_step)} to "
        f"{count(run.last_step)}"
    ]
    if run.thinned:
        parts.append(f"evenly chosen of {count(run.reports)}")
    elsewhere = sum(point.elsewhere for point in run.points)
    if elsewhere:
        whose = "all" if elsewhere == len(run.points) else count(elsewhere)
        parts.append(f"{whose} computed elsewhere and published here")
    return ", ".join([*parts, f"the latest {when(run.latest_at)}"])


def _film(runs: list[Run]) -> html.Section:
    steps = sorted({point.step for run in runs for point in pictured(run)})
    if not steps:
        words = "No report of this run has a picture of its boundary: inputs have none, or several."
        return html.Section([html.H2("Boundary"), html.P(words)], className="panel panel-film")
    slider = html.Div(
        [
            html.Label("Step", htmlFor=ids.FILM_SLIDER),
            dcc.Input(
                id=ids.FILM_SLIDER,
                type="range",
                min=0,
                max=len(steps) - 1,
                step=1,
                value=len(steps) - 1,
            ),
            html.Output(id=ids.FILM_READOUT),
        ],
        className="slider film-slider",
    )
    plots = (ids.FILM, ids.FILM_AGAINST)
    frames = [
        html.Div(
            [
                html.H3(run.name),
                tools(plot),
                *image(plot, f"Decision regions of {run.name} at the chosen step.", height=420),
                html.Button(
                    "Save as a film (animated SVG)",
                    className="button",
                    **{"data-export": "film", "data-plot": plot},
                ),
            ],
            className="film-of",
        )
        for run, plot in zip(runs, plots, strict=False)
    ]
    return html.Section(
        [
            dcc.Store(id="film-steps", data=steps),
            html.Div(html.H2("Boundary, step by step"), className="panel-head"),
            slider,
            html.Div(frames, className="films"),
        ],
        className="panel panel-film",
    )


def _table(run: Run) -> html.Details:
    head = html.Tr([html.Th(words, scope="col") for words in COLUMNS])
    rows = [html.Tr(_cells(point)) for point in run.points]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="numbers run-numbers")
    return html.Details(
        [
            html.Summary(f"Every number of {run.name}"),
            html.Div(table, className="table-scroll", tabIndex=0),
        ],
        className="folded",
    )


def _cells(point: RunPoint) -> list[Any]:
    step = dcc.Link(count(point.step), href=f"/analyses/{point.id}")
    values = (
        point.lambda_max if point.sharpness is None else point.sharpness,
        point.limit,
        point.train_loss,
        point.gap,
        point.soft_rank,
        point.margin,
        point.g,
    )
    return [html.Th(step, scope="row"), *[html.Td(number(value)) for value in values]]


def listing(page: RunPage) -> html.Div:
    """Runs, the latest first, or how one is made."""
    if not page.items:
        return html.Div(
            [
                html.H1("Runs"),
                html.P("No training run has published reports here.", className="lead"),
                html.P("A training loop that is tracked does so while it runs:"),
                html.Pre(HOW),
            ],
            className="page page-narrow",
        )
    names = ("Run", "Reports", "Steps", "Latest")
    head = html.Tr([html.Th(words, scope="col") for words in names])
    rows = [
        html.Tr(
            [
                html.Th(dcc.Link(run.name, href=address(run.name)), scope="row"),
                html.Td(count(run.reports)),
                html.Td(f"{count(run.first_step)} to {count(run.last_step)}"),
                html.Td(when(run.latest_at)),
            ]
        )
        for run in page.items
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="numbers")
    return html.Div(
        [html.H1("Runs"), html.Div(table, className="table-scroll", tabIndex=0)],
        className="page page-narrow page-runs",
    )
