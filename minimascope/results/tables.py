"""A result as DataFrames; pandas is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minimascope.contract.report import Report
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.results.refusals import needed

COLUMNS = {
    "train_loss": "loss",
    "alo_loss": "loss_left_out",
    "labels": "label",
    "predictions": "predicted",
    "margins": "margin",
    "margins_lower": "margin_lower",
}


def frame(reports: Sequence[Report], names: Sequence[str] | None = None) -> Any:
    """Key numbers, a row a report."""
    pandas = needed("pandas", "A DataFrame")
    rows = [key_numbers(each) for each in reports]
    return pandas.DataFrame(rows, index=list(names) if names is not None else None)


def layers(report: Report) -> Any:
    """A row a layer: its share of each top eigenvector (mass_1, …), and its block of H."""
    pandas = needed("pandas", "A DataFrame")
    spectrum = report.spectrum
    if spectrum is None:
        return pandas.DataFrame()
    masses = np.asarray(spectrum.layer_mass, dtype=np.float64)
    found = pandas.DataFrame(index=pandas.Index(spectrum.layer_names, name="layer"))
    for place, row in enumerate(masses, start=1):
        found[f"mass_{place}"] = row
    blocks = {block.layer: block for block in spectrum.layer_blocks}
    for name in ("parameters", "lambda_max", "trace"):
        values = [_of(blocks.get(layer), name) for layer in spectrum.layer_names]
        if any(value is not None for value in values):
            found[name] = values
    return found


def _of(block: Any, name: str) -> Any:
    if block is None:
        return None
    if name == "lambda_max":
        return block.eigenvalues[0] if block.eigenvalues else None
    value = getattr(block, name, None)
    return getattr(value, "value", value)


def examples(arrays: Mapping[str, np.ndarray]) -> Any:
    """A row an example, by what leaving it out costs; by loss where that is not known."""
    pandas = needed("pandas", "A DataFrame")
    found = pandas.DataFrame({new: arrays[old] for old, new in COLUMNS.items() if old in arrays})
    found.index.name = "index"
    if {"loss", "loss_left_out"} <= set(found.columns):
        found.insert(0, "cost", found["loss_left_out"] - found["loss"])
    for order in ("cost", "loss", "margin"):
        if order in found:
            return found.sort_values(order, ascending=order == "margin", kind="stable")
    return found
