"""Everything the analysis page draws, as one JSON value for the browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.boundary_map import boundary_map, embedding
from dashboard.figures.filmstrip import filmstrip
from dashboard.figures.g_curve import g_figure
from dashboard.figures.gap_curves import gap_figure
from dashboard.figures.layer_mass import layer_figure
from dashboard.figures.margins import margins_figure
from dashboard.figures.overlaps import overlaps_figure
from dashboard.figures.plane import Arrays, quantized
from dashboard.figures.reliability import reliability_figure
from dashboard.figures.spectrum import spectrum_figure
from dashboard.figures.walk import walk_figure
from minimascope.report import Report

PLANE = (
    "slice_x",
    "slice_y",
    "slice_alignment",
    "slice_boundary",
    "slice_class",
    "points",
    "labels",
)


def encoded(values: NDArray[Any]) -> dict[str, str]:
    """A 2-D int8 array in Plotly's base64 form."""
    data = np.ascontiguousarray(values, dtype=np.int8)
    return {
        "dtype": "i1",
        "bdata": base64.b64encode(data.tobytes()).decode(),
        "shape": f"{data.shape[0]}, {data.shape[1]}",
    }


def has_plane(arrays: Arrays) -> bool:
    """Whether the decision boundary itself can be drawn: a slice of 2-D inputs."""
    return all(name in arrays for name in PLANE)


def _boundary(report: Report, arrays: Arrays) -> dict[str, Callable[[], go.Figure]]:
    if has_plane(arrays) and report.spectrum is not None:
        values = report.spectrum.eigenvalues
        return {
            "boundary": lambda: boundary_map(arrays),
            "filmstrip": lambda: filmstrip(arrays, values),
        }
    if "points" in arrays and "labels" in arrays:
        return {"boundary": lambda: embedding(arrays)}
    return {}


def _curves(report: Report) -> dict[str, Callable[[], go.Figure]]:
    drawn: dict[str, Callable[[], go.Figure]] = {}
    spectrum, gap, boundary = report.spectrum, report.gap, report.boundary
    if spectrum is not None:
        drawn["spectrum"] = lambda: spectrum_figure(spectrum)
        if spectrum.layer_mass:
            drawn["layers"] = lambda: layer_figure(spectrum, report.checkpoint.layers)
    if gap is not None and gap.curves.lambda_:
        drawn["gap"] = lambda: gap_figure(gap, n=report.data.train.n)
    if boundary is not None:
        drawn["complexity"] = lambda: g_figure(boundary)
    return drawn


def _details(report: Report, arrays: Arrays) -> dict[str, Callable[[], go.Figure]]:
    drawn: dict[str, Callable[[], go.Figure]] = {}
    margins = report.margins
    if "alignment" in arrays and "labels" in arrays:
        drawn["overlaps"] = lambda: overlaps_figure(arrays)
    if margins is not None and "margins" in arrays and "labels" in arrays:
        drawn["margins"] = lambda: margins_figure(margins, arrays)
    if "calibration" in arrays or "calibration_alo" in arrays:
        drawn["calibration"] = lambda: reliability_figure(arrays)
    if "walk_epsilon" in arrays and "walk_loss" in arrays:
        drawn["walk"] = lambda: walk_figure(arrays)
    return drawn


def drawing(report: Report, arrays: Arrays) -> dict[str, Any]:
    """Figures by name, alignments as int8 (k × n), top eigenvalues and the λ curves.

    A figure whose section or arrays are not there yet is absent.
    """
    makers = {**_boundary(report, arrays), **_curves(report), **_details(report, arrays)}
    figures = {name: json.loads(make().to_json()) for name, make in makers.items()}
    spectrum, gap = report.spectrum, report.gap
    curves = None
    if gap is not None and gap.curves.lambda_:
        n = report.data.train.n
        curves = {
            "lambda": gap.curves.lambda_,
            "ALO": gap.curves.alo_ggn,
            "soft rank / n": [None if v is None else v / n for v in gap.curves.soft_rank_ggn],
            "TIC": gap.curves.tic_ggn,
        }
    known = 0 if spectrum is None else len(spectrum.eigenvalues)
    aligned = arrays.get("alignment")
    return {
        "figures": figures,
        "vectors": known if aligned is None else min(known, len(aligned)),
        "plane": "filmstrip" in figures,
        "eigenvalues": [] if spectrum is None else spectrum.eigenvalues,
        "alignment": None if aligned is None else encoded(quantized(aligned)),
        "points": np.asarray(arrays["points"]).tolist() if "points" in arrays else None,
        "curves": curves,
        "lambda": None if gap is None else gap.lambda_,
    }
