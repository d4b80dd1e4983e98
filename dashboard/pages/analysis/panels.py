"""The pictures of the analysis page: rail of eigenvectors, map, spectrum, card of examples."""

from __future__ import annotations

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.plot import panel, strip, switch
from dashboard.components.term import term
from dashboard.pages.analysis.absence import absence
from dashboard.pages.analysis.plane_controls import PlaneKind, plane_controls
from minimascope.contract.report import Report, Spectrum
from minimascope.contract.report.measures import COUNT_ABOVE


def vectors(count: int) -> html.Div:
    """Buttons that choose one of the leading eigenvectors."""
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
    "The network on the plane of the training inputs' first two principal components; points are "
    "drawn where they project onto it, which need not be where they lie."
)

UNALIGNED = (
    "The decision boundary is {}. Inputs of numbers lie by their first two principal components, "
    "sequences of tokens by those of what the last layer is given."
)

REPRESENTED = (
    "There is no plane to draw the boundary over. Inputs of numbers lie by their first two "
    "principal components, sequences of tokens by those of what the last layer is given."
)


def plane_kind(report: Report) -> PlaneKind:
    """What the map is drawn over; flips are counted on a plane, so without them there is none."""
    if report.data.input_shape == [2]:
        return "inputs"
    found = report.boundary
    drawn = found is not None and found.plane is not None and found.flips is not None
    return "principal" if drawn else "none"


def boundary(count: int, *, plane: PlaneKind, report: Report, final: bool = False) -> html.Section:
    """The map with its eigenvector selector, or the embedding where there is no plane."""
    aligned = report.boundary is not None
    switches = [switch("Flip sign", ids.SIGN_SWITCH, "false")]
    title, label = "Training points", "Training points in two principal directions, coloured "
    label += "by the alignment of the loss gradient with the chosen Hessian eigenvector."
    if not aligned:
        label = "Training points in two principal directions, coloured by class."
    if plane == "inputs":
        switches.insert(0, switch("Margins", ids.MARGINS_SWITCH, "true"))
    if plane != "none":
        title = "Decision boundary"
        where = "input plane" if plane == "inputs" else "plane of two principal components"
        label = "Alignment of the loss gradient with the chosen Hessian eigenvector over the "
        label += f"{where}, with the decision boundary and the training points."
    chosen = [vectors(count)] if plane == "none" and aligned else []  # else the rail chooses
    controls = html.Div([*chosen, plane_controls(plane, aligned=aligned)], className="controls")
    said = {"principal": PROJECTED, "none": REPRESENTED if aligned else UNALIGNED}.get(plane, "")
    said = said.format(absence(report, "boundary", final=final))
    note = html.P(said, id=ids.PLANE_NOTE, className="hint")
    return panel(
        ids.BOUNDARY,
        title,
        label,
        height="calc(var(--map) + 86px)",
        switches=switches,
        above=controls,
        below=note,
    )


def card() -> html.Section:
    """What is known of the pinned examples, beside the map."""
    readout = html.Div(id=ids.POINT_READOUT, className="readout", role="status")
    return html.Section([html.H2("Examples"), readout], className="panel panel-card")


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
    title = html.Span([term("hessian", "Hessian"), " spectrum"])
    return panel(ids.SPECTRUM, title, label, height=230, switches=[log], below=below)


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
    words = html.Span(["Thick: the part of the boundary it draws; %: its ", term("drawn"), "."])
    return strip(ids.FILMSTRIP, "Eigenvectors", label, below=words)
