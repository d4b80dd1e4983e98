"""Everything the analysis page draws, as one value for the browser."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np

from dashboard.drawing.class_names import named
from dashboard.drawing.first_look import first_look
from dashboard.drawing.packing import encoded, joined
from dashboard.drawing.pixels import pixels
from minimascope.contract.report import Report
from minimascope.contract.report.spectrum import EVERY_KNOWN
from minimascope.figures.filmstrip import filmstrip
from minimascope.figures.of_report import figures_of, has_plane
from minimascope.figures.plane import Arrays, quantized, thinned
from minimascope.figures.signed_margins import signed_margins
from minimascope.figures.walk import has_walk

RECORD = ("labels", "predictions", "train_loss", "alo_loss", "margins")


def tiles(report: Report, arrays: Arrays, vectors: list[int]) -> dict[str, Any]:
    """One minimum's row on the compare page: its tiles as a figure, absent without a plane."""
    if not has_plane(arrays) or report.spectrum is None:
        return {"figure": None}
    figure = filmstrip(thinned(arrays), report.spectrum.eigenvalues, vectors=vectors)
    return {"figure": named(figure, report.data.class_names)}


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


def _zeros(report: Report, arrays: Arrays) -> int:
    """Eigenvalues that are zero to rounding; none where not every other one is known."""
    counts = None if report.spectrum is None else report.spectrum.counts
    if counts is None or counts.source != EVERY_KNOWN or "eigenvalues" not in arrays:
        return 0
    trained = None if report.objective is None else report.objective.trained
    return (trained or report.checkpoint.parameters) - len(arrays["eigenvalues"])


def _packed(arrays: Arrays, name: str) -> dict[str, str] | None:
    return encoded(np.asarray(arrays[name])) if name in arrays else None


def drawing(report: Report, arrays: Arrays, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """Figures by name, each `Json`, and what the browser needs to link them, in one value.

    A figure whose section or arrays are not there yet is absent; `about` goes into every export.
    """
    makers = figures_of(report, arrays)
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
        "zeros": _zeros(report, arrays),
        "alignment": None if aligned is None else encoded(quantized(aligned)),
        "points": _packed(arrays, "points"),
        "embedding": _packed(arrays, "embedding_tsne"),
        "record": {name: packed for name, packed in record.items() if packed},
        "images": pixels(arrays),
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


def packed_first_look(report: Report, arrays: Arrays) -> bytes:
    """What a job's page draws while it runs, as gzipped JSON."""
    return _gzipped(first_look(report, arrays))


def _gzipped(value: dict[str, Any]) -> bytes:
    return gzip.compress(joined(value).encode(), 4, mtime=0)
