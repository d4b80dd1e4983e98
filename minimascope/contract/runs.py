"""Runs: several reports of one training run, by step, as the API gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from minimascope.contract.report import Report
from minimascope.contract.report.edge import limit_words, stability_limit
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.contract.schemas import Document, KeyNumbers, Step

# Points of a run that are shown at once; of more, evenly many are.
MOST_POINTS = 400


class RunSummary(Document):
    """A row of the list of runs."""

    name: str
    reports: int
    first_step: int
    last_step: int
    created_at: datetime
    latest_at: datetime


class RunPage(Document):
    items: list[RunSummary]
    next: str | None = None


class RunPoint(KeyNumbers):
    """One report of a run; null where it has no such number.

    `sharpness` is λ₁ as the optimiser's steps see it, of a sample and so rather too large,
    `sharpness_least` rather too small, and `limit` where steps stop being stable;
    `soft_rank` in parameters, `gap` in nats on test data, `margin` the median in input units.
    `elsewhere`: not computed by this server.
    """

    step: Step
    created_at: datetime
    arrays: list[str]
    elsewhere: bool = False
    lr: float | None = None
    sharpness: float | None = None
    sharpness_least: float | None = None
    limit: float | None = None
    limit_words: str = ""
    soft_rank: float | None = None
    gap: float | None = None
    gap_error: float | None = None
    margin: float | None = None
    g: float | None = None


class Run(RunSummary):
    """A run with its reports in order of step; `thinned`: some between are left out."""

    points: list[RunPoint]
    thinned: bool = False


def run_numbers(report: Report) -> dict[str, Any]:
    """Fields of RunPoint that a report has."""
    known = key_numbers(report)
    found = _tracked(report) if report.tracked else _analysed(report, known)
    return known | found


def _tracked(report: Report) -> dict[str, Any]:
    tracked = report.tracked
    assert tracked
    names = ("lr", "sharpness", "sharpness_least", "limit", "limit_words", "soft_rank", "gap")
    return {name: getattr(tracked, name) for name in (*names, "gap_error", "margin", "g")}


def _analysed(report: Report, known: dict[str, Any]) -> dict[str, Any]:
    """Of a whole analysis, which has better numbers of most."""
    share = known.get("soft_rank_ggn")
    return _edge(report, known) | {
        "soft_rank": None if share is None else share * report.data.train.n,
        "gap": known.get("gap_measured"),
        "gap_error": known.get("gap_measured_error"),
        "margin": known.get("median_crossing"),
        "g": known.get("g_at_epsilon"),
    }


def _edge(report: Report, known: dict[str, Any]) -> dict[str, Any]:
    """Of SGD alone: Adam's limit is one of another matrix than H."""
    told = report.objective
    if told is None or told.lr is None or told.optimizer not in (None, "sgd"):
        return {"lr": told.lr if told else None}
    momentum = told.momentum or 0.0
    return {
        "lr": told.lr,
        "sharpness": known.get("lambda_max"),
        "limit": stability_limit(told.lr, momentum=momentum),
        "limit_words": limit_words(momentum=momentum),
    }
