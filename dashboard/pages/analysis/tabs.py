"""The tabs under the pictures: what each detail means for this minimum, in words and numbers."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent, plural, with_error
from dashboard.drawing.class_names import class_name
from dashboard.pages.analysis.boundary_tables import (
    complexity_tables,
    margin_tables,
    smallest_points,
)
from dashboard.pages.analysis.sample_words import sample_table
from dashboard.pages.analysis.words import DIAGNOSTICS, ESTIMATES, baseline
from minimascope.contract.report import FlipRates, Report

NAMED = 20  # classes named in a sentence
COHERENT = 300  # points in the matrix at most (minimascope.contract.arrays)
TABS = {
    "overlaps": "Overlaps",
    "coherence": "Coherence",
    "walk": "Walk",
    "complexity": "G(ε)",
    "margins": "Margins",
    "calibration": "Calibration",
    "layers": "Layers",
    "blocks": "Layer blocks",
    "data": "Data",
    "estimates": "Estimates",
    "raw": "Raw report",
}
LABELS = {
    "overlaps": "Alignment of every training point with each eigenvector, with class means.",
    "coherence": "Cosines between the gradients of pairs of training points, sorted by class.",
    "walk": "Decision boundary, training loss and accuracy on a walk along the eigenvector.",
    "complexity": "Share of eigenvectors aligned above epsilon, over epsilon.",
    "margins": "Histogram of the distances of training points to the decision boundary.",
    "calibration": "Accuracy against confidence, on training and leave-one-out predictions.",
    "layers": "Share of each eigenvector in each layer.",
    "blocks": "Largest eigenvalues of the Hessian's diagonal block of each layer, with its trace.",
    "data": "Leave-one-out loss against training loss, one marker a training point.",
}


def _overlaps(report: Report) -> list[Any]:
    words = html.P(
        "Each thin line is one training point; a thick line is its class's mean. Where class means "
        "spread apart, the eigenvector separates those classes."
    )
    boundary = report.boundary
    if boundary is None or boundary.flips is None:
        return [words]
    rows = [(f"v{k + 1}", *_rates(rates)) for k, rates in enumerate(boundary.flips.per_vector)]
    if boundary.flips.random_control is not None:
        rows.append(("random", *_rates(boundary.flips.random_control)))
    head = ("vector", "across", "inside", "across, |A| > 0.1")
    return [
        words,
        table(head, rows, "How often the alignment changes sign, across the boundary and inside"),
    ]


def _coherence(report: Report) -> list[Any]:
    shown = min(report.data.train.n, COHERENT)
    return [
        html.P(
            "The cosine between the gradients of two training points, sorted by the network's own "
            "class. Purple: a step that fits one fits the other; orange: it undoes it."
        ),
        html.P(f"{shown} of {report.data.train.n} training points, drawn by the seed."),
    ]


def _rates(rates: FlipRates) -> tuple[str, str, str]:
    return percent(rates.cross), percent(rates.inside), percent(rates.strong_cross)


def _complexity(report: Report) -> list[Any]:
    boundary = report.boundary
    if boundary is None:
        return [html.P("The boundary stage has not finished.")]
    chosen = boundary.epsilon
    value, spread = with_error(chosen.value, chosen.spread)
    rows = [
        ("G at ε", number(boundary.g_at_epsilon)),
        ("ε", f"{value} {spread}".strip()),
        ("read from", chosen.source),
        ("n₉₀", "—" if boundary.n90 is None else f"{boundary.n90:,}"),
        ("eigenvectors known", f"{boundary.vectors_known:,}"),
        ("energy outside them", percent(boundary.energy_outside)),
    ]
    words = html.P(
        "G counts the eigenvectors that some training point aligns with. Lower means a simpler "
        "boundary; n₉₀ needs no ε and counts the vectors that hold 90\u202f% of the overlap."
    )
    whole = table(("measure", "value"), rows, "Complexity of the boundary")
    return [words, whole, *complexity_tables(boundary, report.data.class_names)]


def _margins(report: Report) -> list[Any]:
    margins = report.margins
    if margins is None:
        return [html.P("The margin stage has not finished.")]
    names = report.data.class_names
    parts: list[Any] = [
        html.P(
            "Each distance ends at a verified boundary point, so the true margin is never larger."
        ),
        smallest_points(margins.certified, names),
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


def _calibration(report: Report) -> list[Any]:
    gap = report.gap
    if gap is None:
        return [html.P("The gap stage has not finished.")]
    found = gap.diagnostics
    rows = [
        ("ECE, 15 bins", number(found.ece_15)),
        ("temperature, training logits", number(gap.baselines.get("temperature_train"))),
        ("temperature, leave-one-out logits", number(found.t_alo)),
    ]
    words = html.P(
        "Points below the diagonal are over-confident. A temperature is what the logits are to be "
        "divided by for the least loss; one above 1.2 on leave-one-out logits says that the "
        "estimate of the gap is probably too low."
    )
    return [words, table(("measure", "value"), rows, "Calibration")]


def _layer_words(tab: str) -> html.Div:
    """Which layers the figure shows (`assets/analysis_layers.js`)."""
    field = dcc.Input(id=f"{tab}-words", type="text", placeholder="all", debounce=False)
    label = html.Label("Layers named", htmlFor=f"{tab}-words")
    return html.Div([label, field, html.Output(className="layer-count")], className="counter")


def _layers(report: Report) -> list[Any]:
    spectrum = report.spectrum
    if spectrum is None:
        return [html.P("The spectrum stage has not finished.")]
    trace, error = with_error(spectrum.trace.value, spectrum.trace.standard_error)
    rows = [
        ("trace of H" + " in the sample" * bool(spectrum.sample), f"{trace} {error}".strip()),
        ("smallest eigenvalue", number(spectrum.lambda_min)),
        ("Hessian–vector products", "—" if spectrum.products is None else f"{spectrum.products:,}"),
        ("method", spectrum.method),
    ]
    if spectrum.density is not None and spectrum.density.method:
        rows.append(("density", spectrum.density.method))
    words = html.P("The share of each unit eigenvector's squared components in each layer.")
    found = table(("measure", "value"), rows, "Spectrum")
    return [words, _layer_words("layers"), found, *sample_table(spectrum)]


def _blocks(report: Report) -> list[Any]:
    blocks = [] if report.spectrum is None else report.spectrum.layer_blocks
    rows = []
    for block in blocks:
        trace, error = with_error(block.trace.value, block.trace.standard_error)
        top = number(block.eigenvalues[0]) if block.eigenvalues else "—"
        rows.append((block.layer, count(block.parameters), top, f"{trace} {error}".strip()))
    words = html.P(
        "The Hessian with every other layer held still: each layer's own curvature. A ring marks a "
        "pair that has not converged."
    )
    head = ("layer", "parameters", "λ₁ of the block", "trace")
    return [words, _layer_words("blocks"), table(head, rows, "Diagonal blocks of the Hessian")]


def _data(report: Report) -> list[Any]:
    found = report.data
    splits = [("training", found.train), *([("test", found.test)] if found.test else [])]
    rows = [(name, count(s.n), number(s.loss), percent(s.accuracy)) for name, s in splits]
    shape = " × ".join(str(length) for length in found.input_shape) or "unknown"
    kinds = "" if found.classes is None else f", {found.classes} classes"
    if found.class_names:
        said = ", ".join(class_name(found.class_names, k) for k in range(len(found.class_names)))
        kinds += f" ({said})" if len(found.class_names) <= NAMED else ""
    return [
        html.P(
            f"Inputs of shape {shape}{kinds}. A point far above the diagonal is one the network "
            "fits only because it saw it; click a point to pin it everywhere."
        ),
        table(("split", "points", "loss, nats", "accuracy"), rows, "Data"),
        html.Div(id="data-points", className="table-scroll", tabIndex=0),
    ]


def _estimates(report: Report) -> list[Any]:
    gap = report.gap
    if gap is None:
        return [html.P("The gap stage has not finished.")]
    rows = []
    for key, estimate in gap.estimates.items():
        value, error = with_error(estimate.value, estimate.standard_error)
        exact = "—" if estimate.value is None else "exact"
        rows.append((ESTIMATES.get(key, key), value, error or exact, estimate.method))
    checks = [(words, number(getattr(gap.diagnostics, key))) for key, words in DIAGNOSTICS.items()]
    baselines = [(baseline(key), number(value)) for key, value in gap.baselines.items()]
    parts = [
        table(
            ("estimate", "nats", "± s.e.", "method"), rows, "Estimates of the generalization gap"
        ),
        table(("diagnostic", "value"), checks, "Diagnostics behind the verdict"),
    ]
    if baselines:
        parts.append(table(("baseline", "value"), baselines, "Baselines for comparison"))
    return [html.Div(parts, className="tables")]


def _raw(_: Report) -> list[Any]:
    """Filled by `assets/raw.js` when the tab is opened: it is as long as the rest of the page."""
    return [html.Pre("Loading", className="raw", tabIndex=0)]


def _walk(report: Report) -> list[Any]:
    slider = html.Div(
        [
            html.Label("ε", htmlFor="walk-slider"),
            dcc.Input(id="walk-slider", type="range", min=0, max=20, step=1, value=10),
            html.Output(id="walk-readout"),
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
        html.P(id="walk-note", className="hint"),
    ]


def _walked(report: Report) -> list[html.P]:
    walked = None if report.boundary is None else report.boundary.walked
    if walked is None:
        return []
    whole = plural(report.data.train.n, "training point")
    words = f"Loss and accuracy are those of {count(walked)} of the {whole}, drawn by the seed; "
    return [html.P(words + "bars are one standard error.")]


SIDES = {
    "overlaps": _overlaps,
    "coherence": _coherence,
    "walk": _walk,
    "complexity": _complexity,
    "margins": _margins,
    "calibration": _calibration,
    "layers": _layers,
    "blocks": _blocks,
    "data": _data,
    "estimates": _estimates,
    "raw": _raw,
}


def side(tab: str, report: Report) -> list[Any]:
    """The text and tables of one tab."""
    return SIDES[tab](report)
