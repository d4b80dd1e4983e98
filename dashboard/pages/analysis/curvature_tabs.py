"""Tabs about curvature and gap: layers, their blocks, calibration, estimates."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.data_table import table
from dashboard.components.words import count, number, with_error
from dashboard.pages.analysis.folds_words import folds_table
from dashboard.pages.analysis.sample_words import sample_table
from dashboard.pages.analysis.words import DIAGNOSTICS, ESTIMATES, baseline, temperature
from minimascope.contract.report import Gap, Report
from minimascope.figures.layer_mass import layer_kinds, layer_label


def _layer_words(tab: str) -> html.Div:
    """Which layers the figure shows (`analysis/layers.mjs`)."""
    field = dcc.Input(id=ids.words(tab), type="text", placeholder="all", debounce=False)
    label = html.Label("Layers named", htmlFor=ids.words(tab))
    return html.Div([label, field, html.Output(className="layer-count")], className="counter")


def layers(report: Report) -> list[Any]:
    spectrum = report.spectrum
    if spectrum is None:
        return [html.P("The spectrum stage has not finished.")]
    trace, error = with_error(spectrum.trace.value, spectrum.trace.standard_error)
    rows = [
        ("trace of H" + " in the sample" * bool(spectrum.sample), f"{trace} {error}".strip()),
        ("smallest eigenvalue", number(spectrum.lambda_min)),
        ("Hessian–vector products", "—" if spectrum.products is None else count(spectrum.products)),
        ("method", spectrum.method),
    ]
    if spectrum.density is not None and spectrum.density.method:
        rows.append(("density", spectrum.density.method))
    words = html.P("The share of each unit eigenvector's squared components in each layer.")
    found = table(("measure", "value"), rows, "Spectrum")
    return [words, _layer_words("layers"), found, *sample_table(spectrum)]


def blocks(report: Report) -> list[Any]:
    blocks = [] if report.spectrum is None else report.spectrum.layer_blocks
    rows = []
    for block in blocks:
        trace, error = with_error(block.trace.value, block.trace.standard_error)
        top = number(block.eigenvalues[0]) if block.eigenvalues else "—"
        label = layer_label(block.layer, layer_kinds(report))
        rows.append((label, count(block.parameters), top, f"{trace} {error}".strip()))
    words = html.P(
        "The Hessian with every other layer held still: each layer's own curvature. A ring marks a "
        "pair that has not converged."
    )
    head = ("layer", "parameters", "λ₁ of the block", "trace")
    return [words, _layer_words("blocks"), table(head, rows, "Diagonal blocks of the Hessian")]


def calibration(report: Report) -> list[Any]:
    gap = report.gap
    if gap is None:
        return [html.P("The gap stage has not finished.")]
    found = gap.diagnostics
    rows = [
        ("ECE, 15 bins", number(found.ece_15)),
        ("temperature, training logits", number(gap.baselines.get("temperature_train"))),
        ("temperature, leave-one-out logits", temperature(found.t_alo)),
    ]
    words = html.P(
        "Points below the diagonal are over-confident. A temperature is what the logits are to be "
        "divided by for the least loss; where it is above 1.2 on leave-one-out logits, the "
        "estimate of the gap is divided by as much."
    )
    return [words, table(("measure", "value"), rows, "Calibration")]


def _headline(gap: Gap) -> list[tuple[str, str, str, str]]:
    """The number that the verdict speaks of, which is made of those below it."""
    found = gap.headline
    if found is None:
        return []
    low, high = found.ninety
    interval = f"90%: {number(low)} to {number(high)}"
    return [("The estimate above", number(found.value), interval, found.method)]


def estimates(report: Report) -> list[Any]:
    gap = report.gap
    if gap is None:
        return [html.P("The gap stage has not finished.")]
    rows = _headline(gap)
    for key, estimate in gap.estimates.items():
        value, error = with_error(estimate.value, estimate.standard_error)
        exact = "—" if estimate.value is None else "exact"
        rows.append((ESTIMATES.get(key, key), value, error or exact, estimate.method))
    found = {key: getattr(gap.diagnostics, key) for key in DIAGNOSTICS}
    checks = [
        (DIAGNOSTICS[key], (temperature if key == "t_alo" else number)(value))
        for key, value in found.items()
        if value is not None
    ]
    baselines = [(baseline(key), number(value)) for key, value in gap.baselines.items()]
    head, caption = ("estimate", "nats", "± s.e.", "method"), "Estimates of the generalization gap"
    parts = [*folds_table(report.cross_validation)]
    if rows:  # else the answer above says why there is none
        parts.append(table(head, rows, caption))
    parts.append(table(("diagnostic", "value"), checks, "Diagnostics behind the verdict"))
    if baselines:
        parts.append(table(("baseline", "value"), baselines, "Baselines for comparison"))
    return [html.Div(parts, className="tables")]
