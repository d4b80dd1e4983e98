"""Everything the analysis page draws, as one value for the browser."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import numpy as np

from dashboard.drawing.class_names import named
from dashboard.drawing.packing import encoded, joined
from minimascope.contract.report import Report
from minimascope.figures.boundary_map import (
    INPUT_AXES,
    PRINCIPAL_AXES,
    boundary_map,
    embedding,
    tsne_map,
)
from minimascope.figures.coherence import coherence_figure
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.g_curve import g_figure
from minimascope.figures.gap_curves import gap_figure
from minimascope.figures.layer_blocks import blocks_figure
from minimascope.figures.layer_mass import layer_figure
from minimascope.figures.margins import margins_figure
from minimascope.figures.overlaps import overlaps_figure
from minimascope.figures.plane import Arrays, quantized, thinned
from minimascope.figures.point_losses import losses_figure
from minimascope.figures.reliability import reliability_figure
from minimascope.figures.signed_margins import signed_margins
from minimascope.figures.spectrum import spectrum_figure
from minimascope.figures.theme import Figure
from minimascope.figures.walk import has_walk, walk_figure

EMBEDDING = "embedding_"  # a figure of the points without a plane, by its method
PLANE = (
    "slice_x",
    "slice_y",
    "slice_alignment",
    "slice_boundary",
    "slice_class",
    "points",
    "labels",
)


def has_plane(arrays: Arrays) -> bool:
    """Whether the decision boundary itself can be drawn: over the inputs or a plane of them."""
    return all(name in arrays for name in PLANE)


def _boundary(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    if has_plane(arrays) and report.spectrum is not None:
        values = report.spectrum.eigenvalues
        axes = INPUT_AXES if report.data.input_shape == [2] else PRINCIPAL_AXES
        return {
            "boundary": lambda: boundary_map(arrays, axes=axes),
            "filmstrip": lambda: filmstrip(arrays, values),
        }
    if "points" in arrays and "labels" in arrays:
        return {"boundary": lambda: embedding(arrays)}
    return {}


def tiles(report: Report, arrays: Arrays, vectors: list[int]) -> dict[str, Any]:
    """One minimum's row on the compare page: its tiles as a figure, absent without a plane."""
    if not has_plane(arrays) or report.spectrum is None:
        return {"figure": None}
    figure = filmstrip(thinned(arrays), report.spectrum.eigenvalues, vectors=vectors)
    return {"figure": named(figure, report.data.class_names)}


def _embeddings(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    """Scatters without a plane, for inputs that are not drawn as they are."""
    drawn: dict[str, Callable[[], Figure]] = {}
    if report.data.input_shape == [2] or "labels" not in arrays or not has_plane(arrays):
        return drawn
    drawn[f"{EMBEDDING}pca"] = lambda: embedding(arrays)
    if "embedding_tsne" in arrays:
        drawn[f"{EMBEDDING}tsne"] = lambda: tsne_map(arrays)
    return drawn


def _curves(report: Report) -> dict[str, Callable[[], Figure]]:
    drawn: dict[str, Callable[[], Figure]] = {}
    spectrum, gap, boundary = report.spectrum, report.gap, report.boundary
    if spectrum is not None:
        drawn["spectrum"] = lambda: spectrum_figure(spectrum)
        if spectrum.layer_mass:
            drawn["layers"] = lambda: layer_figure(spectrum, report.checkpoint.layers)
        if spectrum.layer_blocks:
            drawn["blocks"] = lambda: blocks_figure(spectrum.layer_blocks)
    if gap is not None and gap.curves.lambda_:
        drawn["gap"] = lambda: gap_figure(gap, n=report.data.train.n, folds=report.cross_validation)
    if boundary is not None:
        drawn["complexity"] = lambda: g_figure(boundary)
    return drawn


def _details(report: Report, arrays: Arrays) -> dict[str, Callable[[], Figure]]:
    drawn: dict[str, Callable[[], Figure]] = {}
    margins = report.margins
    if "alignment" in arrays and "labels" in arrays:
        drawn["overlaps"] = lambda: overlaps_figure(arrays)
    if all(name in arrays for name in ("coherence", "coherence_order", "predictions")):
        drawn["coherence"] = lambda: coherence_figure(arrays)
    if margins is not None and "margins" in arrays and "labels" in arrays:
        drawn["margins"] = lambda: margins_figure(margins, arrays)
    if "calibration" in arrays or "calibration_alo" in arrays:
        drawn["calibration"] = lambda: reliability_figure(arrays)
    if all(name in arrays for name in ("train_loss", "alo_loss", "labels")):
        drawn["data"] = lambda: losses_figure(arrays)
    if has_walk(arrays):
        drawn["walk"] = lambda: walk_figure(arrays)
    return drawn


RECORD = ("labels", "predictions", "train_loss", "alo_loss", "margins")


def _walk(arrays: Arrays) -> dict[str, Any] | None:
    """The walk for the slider: ε, loss and accuracy (w × e), classes one row a step, w outer."""
    if not has_walk(arrays):
        return None
    walk: dict[str, Any] = {
        "epsilon": np.asarray(arrays["walk_epsilon"]).tolist(),
        "loss": np.asarray(arrays["walk_loss"]).tolist(),
        "accuracy": None,
        "classes": None,
    }
    if "walk_accuracy" in arrays:
        walk["accuracy"] = np.asarray(arrays["walk_accuracy"]).tolist()
    if all(name in arrays for name in ("walk_class", "walk_x", "walk_y")):
        classes = np.asarray(arrays["walk_class"])
        walk["classes"] = encoded(classes.reshape(classes.shape[0] * classes.shape[1], -1))
        walk["x"] = np.asarray(arrays["walk_x"]).tolist()
        walk["y"] = np.asarray(arrays["walk_y"]).tolist()
    return walk


def _lambda_curves(report: Report) -> dict[str, Any] | None:
    gap = report.gap
    if gap is None or not gap.curves.lambda_:
        return None
    n = report.data.train.n
    return {
        "lambda": gap.curves.lambda_,
        "alo_ggn": gap.curves.alo_ggn,
        "soft_rank_ggn": [None if v is None else v / n for v in gap.curves.soft_rank_ggn],
        "tic_ggn": gap.curves.tic_ggn,
    }


def _counts(report: Report) -> dict[str, Any] | None:
    """Eigenvalues above absolute thresholds."""
    counts = None if report.spectrum is None else report.spectrum.counts
    return None if counts is None else counts.model_dump(exclude={"source"})


def _packed(arrays: Arrays, name: str) -> dict[str, str] | None:
    return encoded(np.asarray(arrays[name])) if name in arrays else None


def drawing(report: Report, arrays: Arrays, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """Figures by name, each `Json`, and what the browser needs to link them, in one value.

    A figure whose section or arrays are not there yet is absent; `about` goes into every export.
    """
    makers = {**_boundary(report, arrays), **_embeddings(report, arrays)}
    makers |= {**_curves(report), **_details(report, arrays)}
    figures = {name: named(make(), report.data.class_names) for name, make in makers.items()}
    spectrum, gap = report.spectrum, report.gap
    known = 0 if spectrum is None else len(spectrum.eigenvalues)
    aligned = arrays.get("alignment")
    record = {name: _packed(arrays, name) for name in RECORD}
    if "margins" in arrays:
        record["margins"] = encoded(signed_margins(arrays))
    return {
        "figures": figures,
        "vectors": known if aligned is None else min(known, len(aligned)),
        "plane": "filmstrip" in figures,
        "eigenvalues": [] if spectrum is None else spectrum.eigenvalues,
        "known": _packed(arrays, "eigenvalues"),
        "alignment": None if aligned is None else encoded(quantized(aligned)),
        "points": _packed(arrays, "points"),
        "embedding": _packed(arrays, "embedding_tsne"),
        "record": {name: packed for name, packed in record.items() if packed},
        "curves": _lambda_curves(report),
        "lambda": None if gap is None else gap.lambda_,
        "counts": _counts(report),
        "walk": _walk(arrays),
        "classes": report.data.class_names,
        "about": about or {},
    }


def packed_drawing(report: Report, arrays: Arrays, about: dict[str, Any]) -> bytes:
    """The drawing as gzipped JSON."""
    return _gzipped(drawing(report, arrays, about))


def packed_tiles(report: Report, arrays: Arrays, vectors: list[int]) -> bytes:
    """The tiles of these 1-based vectors as gzipped JSON."""
    return _gzipped(tiles(report, arrays, vectors))


def _gzipped(value: dict[str, Any]) -> bytes:
    return gzip.compress(joined(value).encode(), 4, mtime=0)
