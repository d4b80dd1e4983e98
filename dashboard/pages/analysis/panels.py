"""The panels of the analysis page: boundary, spectrum, gap, filmstrip, tabs."""

from __future__ import annotations

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.plot import image, panel, strip, switch, tools
from dashboard.pages.analysis.folds_words import folds_words
from dashboard.pages.analysis.plane_controls import PlaneKind, plane_controls
from dashboard.pages.analysis.tabs import LABELS, TABS, side
from minimascope.contract.report import Report, Spectrum
from minimascope.contract.report.measures import COUNT_ABOVE


def _vectors(count: int) -> html.Div:
    buttons = [
        html.Button(
            ["v", html.Sub(str(k))],
            className="segment",
            **{"data-vector": str(k), "aria-pressed": "false", "aria-label": f"v{k}, eigenvector"},
        )
        for k in range(1, count + 1)
    ]
    return html.Div(buttons, className="segments", role="group", **{"aria-label": "Eigenvector"})


PROJECTED = (
    "The map shows the network on the plane of the first two principal components of the training "
    "inputs; points are drawn where they project onto it, which need not be where they lie."
)


def plane_kind(report: Report) -> PlaneKind:
    """What the map is drawn over; flips are counted on a plane, so without them there is none."""
    if report.data.input_shape == [2]:
        return "inputs"
    found = report.boundary
    drawn = found is not None and found.plane is not None and found.flips is not None
    return "principal" if drawn else "none"


def boundary(count: int, *, plane: PlaneKind) -> html.Section:
    """The map with its eigenvector selector, or the embedding where there is no plane."""
    switches = [switch("Flip sign", ids.SIGN_SWITCH, "false")]
    title, label = "Training points", "Training points in two principal directions, coloured "
    label += "by the alignment of the loss gradient with the chosen Hessian eigenvector."
    if plane == "inputs":
        switches.insert(0, switch("Margins", ids.MARGINS_SWITCH, "true"))
    if plane != "none":
        title = "Decision boundary"
        where = "input plane" if plane == "inputs" else "plane of two principal components"
        label = "Alignment of the loss gradient with the chosen Hessian eigenvector over the "
        label += f"{where}, with the decision boundary and the training points."
    controls = html.Div(
        [_vectors(count), html.Div(switches, className="tools")], className="controls"
    )
    above = html.Div([controls, plane_controls(plane)])
    readout = html.Div(id=ids.POINT_READOUT, className="readout", role="status")
    note = html.P(PROJECTED if plane == "principal" else "", id=ids.PLANE_NOTE, className="hint")
    below = html.Div([note, readout])
    return panel(ids.BOUNDARY, title, label, height=600, above=above, below=below)


def gap(report: Report) -> html.Section | None:
    """Estimates over λ with the slider that chooses one; nothing before the gap stage."""
    if report.gap is None or not report.gap.curves.lambda_:
        return None
    slider = html.Div(
        [
            html.Label("λ", htmlFor=ids.LAMBDA_SLIDER),
            dcc.Input(id=ids.LAMBDA_SLIDER, type="range", min=0, max=1000, step=1, value=500),
            html.Output(id=ids.LAMBDA_READOUT),
        ],
        className="slider",
    )
    linear = switch("Linear axis", ids.LINEAR_SWITCH, "false")
    label = "Estimates of the generalization gap against lambda, with the measured gap."
    below = html.Div([slider, *folds_words(report)])
    return panel(ids.GAP, "Gap against λ", label, height=320, switches=[linear], below=below)


def spectrum(report: Report) -> html.Section | None:
    """Density and top eigenvalues, with a count between two ends."""
    if report.spectrum is None:
        return None
    label = "Density of the Hessian's eigenvalues and the largest eigenvalues as stems."
    counter = html.Div(
        [
            html.Span("Eigenvalues from", id="count-words"),
            dcc.Input(id=ids.COUNT_LOW, type="text", placeholder="−∞", debounce=False),
            html.Span("to"),
            dcc.Input(id=ids.COUNT_HIGH, type="text", placeholder="∞", debounce=False),
            html.Output(id=ids.COUNT_READOUT),
        ],
        className="counter",
        role="group",
        title="Drag across the density to fill these in",
        **{"aria-labelledby": "count-words"},
    )
    log = switch("Log axis", ids.LOG_SWITCH, "false")
    below = html.Div([*_threshold(report.spectrum), counter])
    return panel(ids.SPECTRUM, "Hessian spectrum", label, height=320, switches=[log], below=below)


def _threshold(spectrum: Spectrum) -> list[html.Div]:
    """Eigenvalues above a threshold that other minima are counted at too."""
    if spectrum.counts is None or not spectrum.counts.threshold:
        return []
    last = len(spectrum.counts.threshold) - 1
    slider = html.Div(
        [
            html.Label("t", htmlFor=ids.THRESHOLD_SLIDER),
            dcc.Input(id=ids.THRESHOLD_SLIDER, type="range", min=0, max=last, step=1, value=last),
            html.Output(id=ids.THRESHOLD_READOUT),
        ],
        className="slider",
        title=f"{COUNT_ABOVE.sentence} Counted: {spectrum.counts.source}.",
    )
    return [slider]


def filmstrip(report: Report) -> html.Section | None:
    """One tile an eigenvector; nothing where no plane is drawn."""
    if report.spectrum is None or plane_kind(report) == "none":
        return None
    label = "The decision boundary and the alignment with each eigenvector, one tile each."
    words = (
        "Thick: where the boundary's change of sign is strongest along this eigenvector, with its "
        "share of the drawn boundary."
    )
    return strip(ids.FILMSTRIP, "Eigenvectors", label, above=colour_bar(), below=words)


def colour_bar() -> html.Div:
    """The one scale of all tiles."""
    return html.Div(
        [html.Span("−1"), html.Span(className="bar"), html.Span("1"), html.Span("alignment")],
        className="shared-bar",
        **{"aria-hidden": "true"},
    )


def tabs(report: Report) -> html.Section:
    """The details: words and tables on one side, a figure on the other."""
    buttons = [
        html.Button(
            words,
            id=ids.tab(name),
            className="tab",
            role="tab",
            **{"data-tab": name, "aria-selected": "false", "aria-controls": ids.side(name)},
        )
        for name, words in TABS.items()
    ]
    sides = [
        html.Div(
            side(name, report),
            id=ids.side(name),
            className=f"side side-{name}",
            hidden=True,
            role="tabpanel",
            **{"data-side": name, "aria-labelledby": ids.tab(name)},
        )
        for name in TABS
    ]
    figure = html.Div(
        [tools(ids.DETAIL), *image(ids.DETAIL, LABELS["overlaps"], height=420)],
        className="detail-plot",
    )
    return html.Section(
        [
            html.Div(buttons, className="tabs", role="tablist", **{"aria-label": "Details"}),
            html.Div([html.Div(sides, className="sides"), figure], className="detail"),
        ],
        className="panel panel-tabs",
    )
