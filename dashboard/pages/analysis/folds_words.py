"""K-fold beside the estimates: as the user measured it, or offered where nothing is reliable."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboard.components.data_table import table
from dashboard.components.words import count, number, percent, with_error
from minimascope.contract.report import CrossValidation, Report
from minimascope.contract.report.cross_validation import BETTER, OFFER, offered


def folds_words(report: Report) -> list[Any]:
    """A line below the gap's figure."""
    found = report.cross_validation
    if found is None:
        return []
    gap, error = with_error(found.gap, found.standard_error)
    words = f"K-fold, computed by you: {gap} {error} nats from {count(found.k)} folds. "
    if found.gap_at_n is not None:
        words += (
            f"Each network had 1/{count(found.k)} of the examples less; with all of them about "
            f"{number(found.gap_at_n)}, if the gap falls as 1/n. "
        )
    return [html.P(f"{words}{BETTER}.", className="hint")]


def folds_offer(report: Report) -> html.P | None:
    """A sentence below a verdict that promises little."""
    if report.cross_validation is not None or not offered(report.gap):
        return None
    return html.P(OFFER, className="verdict-advice")


def folds_table(found: CrossValidation | None) -> list[Any]:
    """Everything that the user's cross-validation says."""
    if found is None:
        return []
    gap, error = with_error(found.gap, found.standard_error)
    rows = [
        ("gap, this training set", f"{gap} {error}"),
        ("± over training sets", _error(found.standard_error_of_expected)),
        ("± over folds", _error(found.standard_error_over_folds)),
        ("gap with all examples, if it falls as 1/n", number(found.gap_at_n)),
        ("loss held out", number(found.held_out_loss)),
        ("loss in training", number(found.train_loss)),
        ("accuracy held out", percent(found.held_out_accuracy)),
        ("accuracy in training", percent(found.train_accuracy)),
        ("folds", count(found.k)),
    ]
    known = [row for row in rows if row[1] != "—"]
    return [table(("measure", "value"), known, "K-fold with your own training")]


def _error(value: float | None) -> str:
    return "—" if value is None else f"± {number(value, 2)}"
