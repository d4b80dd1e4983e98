"""Tabs about the boundary: overlaps, coherence, walk, complexity, margins."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent, plural, with_error
from dashboard.pages.analysis.boundary_tables import (
    bounded_words,
    complexity_tables,
    margin_tables,
    smallest_points,
)
from minimascope.contract.report import FlipRates, Report
from minimascope.contract.report.measures import N90, SMALLEST, G

COHERENT = 300  # points in the matrix at most (minimascope.contract.arrays)


def overlaps(report: Report) -> list[Any]:
    words = html.P(
        "Each thin line is one training point; a thick line is its class's mean. Where class means "
        "spread apart, the eigenvector separates those classes."
    )
    boundary = report.boundary
    if boundary is None or boundary.flips is None:
        return [words, _crossings()]
    rows = [(f"v{k + 1}", *_rates(rates)) for k, rates in enumerate(boundary.flips.per_vector)]
    if boundary.flips.random_control is not None:
        rows.append(("random", *_rates(boundary.flips.random_control)))
    head = ("vector", "across", "inside", "across, |A| > 0.1")
    return [
        words,
        _crossings(),
        table(head, rows, "How often the alignment changes sign, across the boundary and inside"),
    ]


def _crossings() -> html.Div:
    """The boundary's own inputs as images; `analysis/image_views.mjs` shows it where there are."""
    said = (
        "What each eigenvector decides: the input on the boundary whose gradient is the most "
        "parallel to it. The network is torn between two classes there."
    )
    images = html.Div(
        className="crossing-images", role="group", **{"aria-label": "Boundary input of each vector"}
    )
    return html.Div([html.P(said), images], id=ids.CROSSINGS, hidden=True)


def coherence(report: Report) -> list[Any]:
    shown = min(report.data.train.n, COHERENT)
    return [
        html.P(
            "The cosine between the gradients of two training points, sorted by the network's own "
            "class. Purple: a step that fits one fits the other; orange: it undoes it."
        ),
        html.P(f"{shown} of {report.data.train.n} training points, a random sample."),
    ]


def _rates(rates: FlipRates) -> tuple[str, str, str]:
    return percent(rates.cross), percent(rates.inside), percent(rates.strong_cross)


def complexity(report: Report) -> list[Any]:
    boundary = report.boundary
    if boundary is None:
        return [html.P("The boundary stage has not finished.")]
    chosen = boundary.epsilon
    value, spread = with_error(chosen.value, chosen.spread)
    rows = [
        ("G at ε", number(boundary.g_at_epsilon)),
        ("ε", f"{value} {spread}".strip()),
        ("read from", chosen.source),
        ("n₉₀", "—" if boundary.n90 is None else count(boundary.n90)),
        ("eigenvectors known", count(boundary.vectors_known)),
        ("alignment outside them", percent(boundary.energy_outside)),
    ]
    words = html.Div([html.P(f"{each.name}: {each.sentence}") for each in (G, N90)])
    whole = table(("measure", "value"), rows, "Complexity of the boundary")
    return [words, whole, *complexity_tables(boundary, report.data.class_names)]


def margins(report: Report) -> list[Any]:
    margins = report.margins
    if margins is None:
        return [html.P("The margin stage has not finished.")]
    names = report.data.class_names
    parts: list[Any] = [
        html.P(SMALLEST.sentence),
        *bounded_words(margins.l2, report.data.train.n),
        smallest_points(margins.l2, names),
        *margin_tables(margins, names),
    ]
    if margins.eigenvector:
        head = ("vector", "estimate", "cos²", "kept")
        found = [
            (f"v{m.k}", number(m.estimate), number(m.cos2), str(m.starts_kept))
            for m in margins.eigenvector
        ]
        parts.append(table(head, found, "Estimates from single eigenvectors (arXiv 2306.07104)"))
    if margins.disagreement:
        parts.append(html.P(margins.disagreement, className="notice notice-warn"))
    return parts


def walk(report: Report) -> list[Any]:
    slider = html.Div(
        [
            html.Label("ε", htmlFor=ids.WALK_SLIDER),
            dcc.Input(id=ids.WALK_SLIDER, type="range", min=0, max=20, step=1, value=10),
            html.Output(id=ids.WALK_READOUT),
        ],
        className="slider walk-slider",
    )
    return [
        html.P(
            "The parameters move by ε along the chosen eigenvector. A minimum rises on both sides "
            "of ε = 0; the boundary moves where that eigenvector's points are."
        ),
        *_walked(report),
        slider,
        html.P(id=ids.WALK_NOTE, className="hint"),
        html.Button(
            "Save as a film (animated SVG)",
            className="button",
            **{"data-export": "film", "data-plot": ids.DETAIL},
        ),
    ]


def _walked(report: Report) -> list[html.P]:
    walked = None if report.boundary is None else report.boundary.walked
    if walked is None:
        return []
    whole = plural(report.data.train.n, "training point")
    words = f"Loss and accuracy are those of {count(walked)} of the {whole}, a random sample; "
    return [html.P(words + "bars are one standard error.")]
