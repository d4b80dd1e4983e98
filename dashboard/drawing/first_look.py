"""What the job page draws while curvature is still computed: regions, losses, odd examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.drawing.class_names import class_name, named
from dashboard.drawing.packing import encoded
from minimascope.contract.report import Report, Tokens
from minimascope.figures.first_look import first_look_figure
from minimascope.figures.plane import Arrays
from minimascope.figures.tokens import word

ODD = 12  # examples of highest loss
WORDS = 12  # of a sequence
CLASSES = 12  # beyond, those of highest loss are said


def first_look(report: Report, arrays: Arrays) -> dict[str, Any]:
    """Figure, splits, classes by loss and the most surprising examples; what is not there is null.

    Of a loss that puts no example in a class there are the splits alone.
    """
    data = report.data
    splits = [("training", data.train), *([("test", data.test)] if data.test else [])]
    found: dict[str, Any] = {
        "splits": [{**s.model_dump(), "name": name} for name, s in splits],
        "unit": "examples" if report.tokens is None else "sequences",
        "planned": report.planned_seconds,
        "intake": report.wall_seconds.get("intake", 0.0),
        "figure": None,
        "classes": [],
        "odd": [],
    }
    if report.tokens is not None and "token_ids" in arrays:
        return {**found, "odd": _sequences(report.tokens, arrays)}
    if not all(name in arrays for name in ("labels", "predictions", "train_loss")):
        return found
    figure = first_look_figure(arrays)
    found["figure"] = None if figure is None else named(figure, data.class_names)
    found["classes"] = _classes(arrays, data.class_names)
    found["odd"] = _odd(arrays, data.class_names)
    return found


def _classes(arrays: Arrays, names: list[str]) -> list[list[Any]]:
    """Name, examples, mean loss and accuracy of each class, from the highest loss down."""
    labels, loss = np.asarray(arrays["labels"]), np.asarray(arrays["train_loss"])
    right = np.asarray(arrays["predictions"]) == labels
    rows: list[list[Any]] = []
    for label in np.unique(labels):
        own = labels == label
        mean = float(np.nan_to_num(np.nanmean(loss[own]))) if np.isfinite(loss[own]).any() else None
        rows.append([class_name(names, int(label)), int(own.sum()), mean, float(right[own].mean())])
    return sorted(rows, key=lambda row: -(row[2] or 0.0))[:CLASSES]


def _odd(arrays: Arrays, names: list[str]) -> list[dict[str, Any]]:
    """The examples of highest loss, with their pixels where they are images."""
    loss = np.nan_to_num(np.asarray(arrays["train_loss"], dtype=np.float64), nan=-np.inf)
    labels, predicted = np.asarray(arrays["labels"]), np.asarray(arrays["predictions"])
    places = {int(row): place for place, row in enumerate(arrays.get("image_rows", ()))}
    found = []
    for row in np.argsort(-loss, kind="stable")[:ODD].tolist():
        one: dict[str, Any] = {
            "row": row,
            "loss": float(loss[row]),
            "label": class_name(names, int(labels[row])),
            "predicted": class_name(names, int(predicted[row])),
            "image": None,
        }
        if row in places:
            one["image"] = encoded(np.asarray(arrays["images"])[places[row]])
        found.append(one)
    return found


def _sequences(tokens: Tokens, arrays: Arrays) -> list[dict[str, Any]]:
    """The first words of the sequences of highest loss."""
    found = []
    for each, ids in zip(tokens.shown, np.asarray(arrays["token_ids"]), strict=False):
        said = " ".join(word(tokens, int(i)) for i in ids[:WORDS])
        words = {"label": said, "predicted": said, "image": None}
        found.append({"row": each.row, "loss": each.loss, **words})
    return found
