"""Compared minima in numbers: measures, values at one λ, ranks against the measured gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

from dashboard.components.words import count, level, number, with_error
from minimascope.contract.report import Report
from minimascope.contract.report.sentences import nats, span
from minimascope.contract.schemas import KeyNumbers

MEASURES = {
    "gap_measured": "Measured gap, nats",
    "gap_by_folds": "Gap by K-fold, nats",
    "gap_estimate": "Estimated gap, nats",
    "soft_rank_ggn": "Soft rank / n",
    "lambda_max": "Largest eigenvalue λ₁",
    "trace": "Trace of H",
    "outliers": "Outliers",
    "g_at_epsilon": "G(ε)",
    "n90": "n₉₀",
    "margin_min": "Smallest margin",
    "margin_median": "Median margin",
    "train_loss": "Training loss, nats",
    "test_loss": "Test loss, nats",
    "train_accuracy": "Training accuracy",
    "test_accuracy": "Test accuracy",
    "lambda_eff": "λ",
    "parameters": "Parameters",
}
AT_LAMBDA = {
    "alo_at": "ALO at λ, nats",
    "soft_rank_at": "Soft rank / n at λ",
    "tic_at": "TIC at λ, nats",
}
# Measures with a standard error among the key numbers.
ERRORS = {
    "gap_measured": "gap_measured_error",
    "gap_by_folds": "gap_by_folds_standard_error",
}
WANTED = 3


@dataclass(frozen=True)
class Minimum:
    """One compared minimum: its key numbers, its estimates over λ (n_λ values each), its origin."""

    numbers: KeyNumbers
    lambdas: Sequence[float] = ()
    curves: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.numbers.name or f"Analysis {self.numbers.id[:8]}"

    def errors(self, measure: str) -> tuple[float, float] | None:
        """How far a measure's interval reaches below and above it; None where it has none."""
        numbers = self.numbers
        if measure == "gap_estimate" and numbers.gap_estimate is not None and numbers.gap_ninety:
            low, high = numbers.gap_ninety
            return numbers.gap_estimate - low, high - numbers.gap_estimate
        error = self.standard_error(measure)
        return None if error is None else (error, error)

    def standard_error(self, measure: str) -> float | None:
        """The one among the key numbers; None where a measure has none."""
        name = ERRORS.get(measure)
        return None if name is None else getattr(self.numbers, name)

    def value(self, measure: str, at: float | None = None) -> float | None:
        """A measure of `MEASURES`, or one of `AT_LAMBDA` at λ = `at`; None where there is none."""
        if measure not in AT_LAMBDA:
            found = getattr(self.numbers, measure)
            return None if found is None else float(found)
        curve = self.curves.get(measure)
        if at is None or curve is None or not self.lambdas:
            return None
        if not self.lambdas[0] <= at <= self.lambdas[-1]:
            return None
        known = np.array([np.nan if v is None else v for v in curve], dtype=np.float64)
        value = float(np.interp(np.log(at), np.log(np.array(self.lambdas)), known))
        return value if np.isfinite(value) else None


def minimum_of(numbers: KeyNumbers, report: Report) -> Minimum:
    """The curves of a report beside its key numbers; soft rank divided by n."""
    gap = report.gap
    if gap is None:
        return Minimum(numbers)
    n = report.data.train.n
    curves = {
        "alo_at": gap.curves.alo_ggn,
        "soft_rank_at": [None if v is None else v / n for v in gap.curves.soft_rank_ggn],
        "tic_at": gap.curves.tic_ggn,
    }
    return Minimum(numbers, gap.curves.lambda_, curves)


def _beside_the_gap(
    minima: Sequence[Minimum], measure: str, at: float | None
) -> tuple[list[float], list[float]] | None:
    """A measure and the measured gap of the minima that have both; None below three of them."""
    values = [(m.value(measure, at), m.numbers.gap_measured) for m in minima]
    pairs = [(a, b) for a, b in values if a is not None and b is not None]
    if measure == "gap_measured" or len(pairs) < WANTED:
        return None
    found = [a for a, _ in pairs], [b for _, b in pairs]
    # A constant has no order to compare.
    return found if min(len(set(side)) for side in found) > 1 else None


def tau_against_gap(
    minima: Sequence[Minimum], measure: str, at: float | None = None
) -> float | None:
    """Kendall τ of a measure against the measured gap; None below three minima that have both."""
    pairs = _beside_the_gap(minima, measure, at)
    return None if pairs is None else float(kendalltau(*pairs).statistic)


def rho_against_gap(
    minima: Sequence[Minimum], measure: str, at: float | None = None
) -> float | None:
    """Spearman ρ of a measure against the measured gap; None below three minima that have both."""
    pairs = _beside_the_gap(minima, measure, at)
    return None if pairs is None else float(spearmanr(*pairs).statistic)


def cell(minimum: Minimum, measure: str, at: float | None = None) -> str:
    """A measure as the table writes it: with its interval or standard error where it has one."""
    value = minimum.value(measure, at)
    if value is None:
        return "—"
    if measure in ("outliers", "n90", "parameters"):
        return count(int(value))
    text = level(value) if measure == "lambda_eff" else number(value)
    ends, error = minimum.numbers.gap_ninety, minimum.standard_error(measure)
    if measure == "gap_estimate" and ends:
        return f"{nats(value)} ({span(value, ends)})"
    return " ".join(with_error(value, error)) if error else text


def letters(position: int) -> str:
    """A short name for the ranking: A … Z, then A2 … Z2."""
    turn, place = divmod(position, 26)
    return chr(65 + place) + (str(turn + 1) if turn else "")


@dataclass(frozen=True)
class Rank:
    """One measure: τ and ρ with the measured gap, and the minima from its smallest value up."""

    measure: str
    words: str
    tau: float | None
    rho: float | None
    order: str


def _order(known: Sequence[tuple[float, str]]) -> str:
    """`A < B = C`: names by their values, equal values said to be equal."""
    said = ""
    for index, (value, name) in enumerate(known):
        if index:
            said += " = " if value == known[index - 1][0] else " < "
        said += name
    return said


def ranking(minima: Sequence[Minimum], at: float | None) -> list[Rank]:
    """Every measure that orders at least two minima, the closest to the measured gap first."""
    found = []
    for measure, words in {**MEASURES, **AT_LAMBDA}.items():
        values = [(m.value(measure, at), letters(i)) for i, m in enumerate(minima)]
        known = sorted((value, name) for value, name in values if value is not None)
        if len({value for value, _ in known}) < 2:
            continue
        tau = tau_against_gap(minima, measure, at)
        rho = rho_against_gap(minima, measure, at)
        found.append(Rank(measure, words, tau, rho, _order(known)))
    first = [rank for rank in found if rank.measure == "gap_measured"]
    rest = [rank for rank in found if rank.measure != "gap_measured"]
    return first + sorted(rest, key=lambda rank: -abs(rank.tau or 0.0))


def ends(minima: Sequence[Minimum]) -> tuple[float, float] | None:
    """The λ that every minimum's curves cover, or None where there is none."""
    grids = [m.lambdas for m in minima if m.lambdas]
    if not grids:
        return None
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    return (low, high) if low < high else None
