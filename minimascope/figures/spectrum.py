"""Hessian spectrum: density over all eigenvalues, the known top pairs as stems below it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import Density, Spectrum
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.symlog import Floats, symlog, threshold, ticks
from minimascope.figures.theme import styled

FLOOR = 1e-7
STEM_SHARE = 0.26
ON_ALL = 0.5  # height of a diamond among stems of height 1


def _density(density: Density, linear: float) -> list[go.Scatter]:
    grid, mean = np.array(density.grid), np.array(density.mean)
    error = np.array(density.standard_error) if density.standard_error else np.zeros(len(mean))
    floor = max(float(mean.max(initial=0.0)) * FLOOR, 1e-300)
    kept = mean > floor
    x = symlog(grid[kept], linear=linear)
    upper, lower = mean[kept] + error[kept], np.maximum(mean[kept] - error[kept], floor)
    band = go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([upper, lower[::-1]]),
        fill="toself",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="± s.e. over probes",
        showlegend=False,
        **marked(Role.BAND, fillcolor="band"),
    )
    line = go.Scatter(
        x=symlog(grid, linear=linear),
        y=np.where(kept, mean, np.nan),
        mode="lines",
        line={"width": 1.8},
        name="density",
        showlegend=False,
        customdata=grid,
        hovertemplate="λ %{customdata:.3g}<br>density %{y:.3g}<extra></extra>",
        **marked(Role.DENSITY, line__color="accent"),
    )
    return [band, line]


def _stems(spectrum: Spectrum, linear: float) -> list[go.Scatter]:
    values = np.array(spectrum.eigenvalues)
    converged = np.array(spectrum.converged, dtype=bool)
    places = symlog(values, linear=linear)
    traces = []
    for state, dash in ((True, "solid"), (False, "dot")):
        rows = np.flatnonzero(converged == state)
        if not len(rows):
            continue
        x = np.full(3 * len(rows), np.nan)
        x[0::3] = x[1::3] = places[rows]
        y = np.tile(np.array([0.0, 1.0, np.nan]), len(rows))
        traces.append(
            go.Scatter(
                x=x,
                y=y,
                mode="lines",
                yaxis="y2",
                line={"width": 1.3, "dash": dash},
                hoverinfo="skip",
                showlegend=False,
                name="converged" if state else "not converged",
                **marked(Role.STEMS, line__color="ink" if state else "warn"),
            )
        )
    residuals = np.array(spectrum.residuals)
    markers = go.Scatter(
        x=places,
        y=np.ones(len(values)),
        yaxis="y2",
        mode="markers",
        name="eigenvalues",
        showlegend=False,
        cliponaxis=False,
        marker={
            "size": 8,
            "symbol": ["circle" if ok else "circle-open" for ok in converged],
            "line": {"width": 1.5},
        },
        customdata=np.column_stack([np.arange(1, len(values) + 1), values, residuals]),
        hovertemplate="λ<sub>%{customdata[0]}</sub> = %{customdata[1]:.4g}"
        "<br>residual %{customdata[2]:.1e}·λ₁<extra></extra>",
        **marked(Role.EIGENVALUES, marker__color="ink", marker__line__color="page"),
    )
    return [*traces, markers]


def _on_all(spectrum: Spectrum, linear: float) -> list[go.Scatter]:
    """Where the pairs of a sample are on all examples: diamonds with one standard error."""
    if spectrum.sample is None:
        return []
    found = spectrum.sample.on_all
    values = np.array([np.nan if each.value is None else each.value for each in found])
    errors = np.array([each.standard_error or 0.0 for each in found])
    places = symlog(values, linear=linear)
    diamonds = go.Scatter(
        x=places,
        y=np.full(len(values), ON_ALL),
        yaxis="y2",
        mode="markers",
        name="on all examples",
        showlegend=False,
        marker={"size": 7, "symbol": "diamond"},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": symlog(values + errors, linear=linear) - places,
            "arrayminus": places - symlog(values - errors, linear=linear),
            "thickness": 1.3,
            "width": 3,
        },
        customdata=np.column_stack([np.arange(1, len(values) + 1), values, errors]),
        hovertemplate="v<sub>%{customdata[0]}</sub> on all examples: %{customdata[1]:.4g}"
        " ± %{customdata[2]:.2g}<extra></extra>",
        **marked(Role.ON_ALL, marker__color="accent", error_x__color="accent"),
    )
    return [diamonds]


def _reach(spectrum: Spectrum) -> Floats:
    parts = [np.array(spectrum.eigenvalues), np.array([spectrum.lambda_min or 0.0, 0.0])]
    if spectrum.density is not None:
        mean = np.array(spectrum.density.mean)
        parts.append(np.array(spectrum.density.grid)[mean > mean.max(initial=0.0) * FLOOR])
    if spectrum.sample is not None:
        parts += [
            np.array([each.value]) for each in spectrum.sample.on_all if each.value is not None
        ]
    return np.concatenate(parts)


def spectrum_figure(spectrum: Spectrum) -> go.Figure:
    """Density (log) over a symlog axis of eigenvalues; stems dotted where not converged.

    Where the pairs are of a sample, diamonds say what they are on all examples.
    """
    reach = _reach(spectrum)
    linear = threshold(np.array(spectrum.eigenvalues))
    figure = go.Figure()
    share, heights = 0.0, np.empty(0)
    if spectrum.density is not None and spectrum.density.grid:
        figure.add_traces(_density(spectrum.density, linear))
        heights = np.array(spectrum.density.mean)
        heights = heights[heights > heights.max(initial=0.0) * FLOOR]
        share = STEM_SHARE
    figure.add_traces([*_stems(spectrum, linear), *_on_all(spectrum, linear)])
    places, labels = ticks(reach, linear=linear)
    ends = symlog(np.array([reach.min(), reach.max()]), linear=linear)
    pad = 0.04 * float(ends[1] - ends[0])
    figure.update_layout(
        xaxis={
            "title": {"text": "eigenvalue λ (linear near 0, log beyond)"},
            "tickvals": places,
            "ticktext": labels,
            "range": [float(ends[0]) - pad, float(ends[1]) + pad],
            "anchor": "y2",
        },
        yaxis={
            **log_axis("density", heights),
            "domain": [share + 0.07, 1] if share else [0.99, 1],
            "visible": bool(share),
        },
        yaxis2={
            "domain": [0, share or 1],
            "range": [0, 1.25],
            "showticklabels": False,
            "showgrid": False,
            "fixedrange": True,
            "title": {"text": f"top {len(spectrum.eigenvalues)}"},
        },
        shapes=[],
        meta={"linear": linear},
    )
    styled(figure, height=320, margin={"l": 58, "r": 14, "t": 8, "b": 42})
    figure.update_yaxes(ticks="", selector={"showticklabels": False})
    return figure
