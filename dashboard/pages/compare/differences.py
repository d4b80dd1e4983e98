"""Which differences between compared minima are larger than their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from dash import html

from dashboard.components.data_table import table
from dashboard.components.term import term
from dashboard.components.words import count, number, with_error
from dashboard.pages.compare.measures import BRACKETS, Minimum, cell, letters
from minimascope.contract.compared import TWICE

PAIRS = 3  # minima up to which every pair has a column; of more, each against the best


@dataclass(frozen=True)
class Compared:
    """One measure of the table: its term, which end is better, whether an error is known."""

    measure: str
    term: str
    words: str
    better: str


ROWS = (
    Compared("gap_measured", "measured", "Measured gap, nats", "lower"),
    Compared("test_accuracy", "measured", "Test accuracy", "higher"),
    Compared("median_crossing", "margin", "Median margin", "higher"),
    Compared("closest_crossing", "margin", "Closest crossing", "higher"),
    Compared("n90", "n90", "Directions of the boundary, n₉₀", "fewer"),
    Compared("lambda_max", "lambda_1", "Largest curvature λ₁", "no order"),
    Compared("soft_rank_ggn", "soft_rank", "Soft rank / n", "fewer"),
)


def differences(minima: Sequence[Minimum]) -> html.Section | None:
    """A table of the measures that two or more of them have; nothing where there is none."""
    rows = [row for each in ROWS if (row := _row(minima, each)) is not None]
    if len(minima) < 2 or not rows:
        return None
    names = [letters(index) for index in range(len(minima))]
    pairs = [f"{names[a]} and {names[b]}" for a, b in _pairs(len(minima))]
    head = ("Measure", "Better", *names, *pairs)
    note = (
        "✓ a difference of more than twice its error, ± one error; ≈ not told apart; without a "
        "mark: exact for these training sets, and its error over others is not known."
    )
    found = table(head, rows, "Measures and their differences")
    title = html.Div(html.H2("Differences larger than their errors"), className="panel-head")
    return html.Section(
        [title, html.P(note, className="hint"), found], className="panel panel-differences"
    )


def _pairs(count: int) -> list[tuple[int, int]]:
    return list(combinations(range(count), 2)) if count <= PAIRS else []


def _row(minima: Sequence[Minimum], each: Compared) -> tuple[Any, ...] | None:
    values = [minimum.value(each.measure) for minimum in minima]
    if sum(value is not None for value in values) < 2:
        return None
    cells = [_shown(minimum, each.measure) for minimum in minima]
    pairs = [_difference(minima[a], minima[b], each) for a, b in _pairs(len(minima))]
    best = _best(values, each.better)
    marked = [html.B(words) if place == best else words for place, words in enumerate(cells)]
    return (term(each.term, each.words), each.better, *marked, *pairs)


def _best(values: Sequence[float | None], better: str) -> int | None:
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if better == "no order":
        return None
    return (max(known) if better == "higher" else min(known))[1]


def _shown(minimum: Minimum, measure: str) -> str:
    if measure == "test_accuracy" and minimum.numbers.test_accuracy is not None:
        return f"{100 * minimum.numbers.test_accuracy:.1f}\u202f%"
    if measure in BRACKETS:
        upper = minimum.bracket(measure).upper
        return "—" if upper is None else f"≤ {number(upper)}"
    return cell(minimum, measure)


def error_of(minimum: Minimum, measure: str) -> float | None:
    """Standard error of a measure; that of an accuracy is binomial."""
    right, tested = minimum.numbers.test_accuracy, minimum.tested
    if measure == "test_accuracy" and right is not None and tested:
        return math.sqrt(right * (1 - right) / tested)
    return minimum.standard_error(measure)


def told_apart(one: Minimum, other: Minimum, measure: str) -> bool | None:
    """Whether two values differ by more than their errors; None where no error is known."""
    if measure in BRACKETS:
        return not one.bracket(measure).overlaps(other.bracket(measure))
    values, errors = (one.value(measure), other.value(measure)), _errors(one, other, measure)
    if None in values or errors is None:
        return None
    return abs((values[0] or 0.0) - (values[1] or 0.0)) > TWICE * math.hypot(*errors)


def _errors(one: Minimum, other: Minimum, measure: str) -> tuple[float, float] | None:
    first, second = error_of(one, measure), error_of(other, measure)
    return None if first is None or second is None else (first, second)


def _difference(one: Minimum, other: Minimum, each: Compared) -> str:
    """`✓ ↑ 0.38 ± 0.06`: how far the second lies above the first."""
    a, b = one.value(each.measure), other.value(each.measure)
    if a is None or b is None:
        return "—"
    factor = 100 if each.measure == "test_accuracy" else 1
    arrow = "↑" if b > a else "↓" if b < a else "="
    known, errors = told_apart(one, other, each.measure), _errors(one, other, each.measure)
    mark = {True: "✓ ", False: "≈ ", None: ""}[known]
    error = None if errors is None else factor * math.hypot(*errors)
    value, spread = with_error(factor * abs(b - a), error)
    if each.measure == "n90":
        value = count(int(abs(b - a)))
    points = " points" if factor > 1 else ""
    return f"{mark}{arrow} {value} {spread}".rstrip() + points
