"""The loss over the plane of the two leading eigenvectors, in words and numbers."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number
from minimascope.contract.report import Report, Surface
from minimascope.contract.report.sentences import nats

LEAST = 1e-3  # nats below which a difference on the grid is not worth a sentence


def surface(report: Report) -> list[Any]:
    """What is drawn, and whether another place of the plane would be better on new examples."""
    words = html.P(
        "The weights move by a along v₁ and b along v₂; the ring is the network. Lines join equal "
        "losses, each a fixed factor above the next."
    )
    found = None if report.boundary is None else report.boundary.surface
    if found is None:
        return [words]
    return [words, html.P(lowest_words(found)), _table(found)]


def lowest_words(found: Surface) -> str:
    """Where each loss is lowest on the drawn plane."""
    train = (
        "Training loss is lowest where the network stands"
        if found.train_gain < LEAST
        else f"Training loss would be {nats(found.train_gain)} nats lower elsewhere in this plane"
    )
    if found.test_gain is None or found.test_lowest is None:
        return train + "."
    if found.test_gain < LEAST:
        return train + ", and so is test loss." if found.train_gain < LEAST else train + "."
    a, b = (number(step) for step in found.test_lowest)
    return f"{train}; test loss would be {nats(found.test_gain)} nats lower at a = {a}, b = {b}."


def _table(found: Surface) -> Any:
    rows = [("training", count(found.train_points), number(found.train_gain))]
    if found.test_points is not None and found.test_gain is not None:
        rows.append(("test", count(found.test_points), number(found.test_gain)))
    head = ("split", "examples", "lowest below the network, nats")
    return table(head, rows, "The lowest mean loss on the grid")
