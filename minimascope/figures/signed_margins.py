"""Margins with their sign: negative where the network gets a training point wrong."""

from __future__ import annotations

import numpy as np

from minimascope.figures.plane import Arrays


def signed_margins(arrays: Arrays) -> np.ndarray:
    """Distances (n,) to the closest crossings, signed; reports of schema 1 stored them unsigned."""
    margins = np.asarray(arrays["margins"], dtype=np.float64)
    if "predictions" not in arrays or "labels" not in arrays:
        return margins
    wrong = np.asarray(arrays["predictions"]) != np.asarray(arrays["labels"])
    return np.where(wrong, -np.abs(margins), margins)
