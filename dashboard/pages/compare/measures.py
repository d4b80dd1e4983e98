"""Compared minima in numbers: measures and their values at shared levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dashboard.components.words import count, level, number, with_error
from minimascope.contract.report import Bracket, Counts, Report
from minimascope.contract.report.sentences import nats, span
from minimascope.contract.schemas import KeyNumbers

MEASURES = {
    "gap_measured": "Measured gap, nats",
    "gap_by_folds": "Gap by K-fold, nats",
    "gap_estimate": "Estimated gap, nats",
    "soft_rank_ggn": "Soft rank / n",
    "lambda_max": "Largest eigenvalue λ₁",
    "trace": "Trace of H",
    "outliers": "Outliers above 0.1 λ₁",
    "n90": "n₉₀",
    "closest_crossing": "Smallest margin",
    "median_crossing": "Median margin",
    "misclassified": "Misclassified training points",
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
AT_THRESHOLD = {"count_at": "Eigenvalues above the threshold"}
AT_EPSILON = {"g_at": "G at the shared ε"}
SHARED = {**AT_THRESHOLD, **AT_EPSILON, **AT_LAMBDA}
BRACKETS = ("closest_crossing", "median_crossing")
# Measures with a standard error among the key numbers.
ERRORS = {
    "gap_measured": "gap_measured_error",
    "gap_by_folds": "gap_by_folds_standard_error",
}
NEAR = 1e-6  # two ε that differ by less are the same one


@dataclass(frozen=True)
class Levels:
    """What all compared minima are measured at: λ, a threshold of eigenvalues, ε of G."""

    lambda_: float | None = None
    threshold: float | None = None
    epsilon: float | None = None


NOWHERE = Levels()


@dataclass(frozen=True)
class Minimum:
    """One compared minimum: its key numbers, its estimates over λ (n_λ values each), its origin.

    `counts` are its eigenvalues above thresholds, `complexity` its G over "epsilon".
    """

    numbers: KeyNumbers
    lambdas: Sequence[float] = ()
    curves: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    counts: Counts | None = None
    complexity: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tested: int | None = None  # examples of the test set

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

    def bracket(self, measure: str) -> Bracket:
        """A margin of `BRACKETS` with its certified lower end."""
        numbers = self.numbers
        return Bracket(lower=getattr(numbers, f"{measure}_lower"), upper=getattr(numbers, measure))

    def counted(self, at: Levels) -> tuple[float, float | None] | None:
        """Eigenvalues above the shared threshold, with the standard error."""
        if at.threshold is None or self.counts is None:
            return None
        return self.counts.above(at.threshold)

    def value(self, measure: str, at: Levels = NOWHERE) -> float | None:
        """A measure of `MEASURES`, or one of `SHARED` at these levels; None where there is none."""
        if measure in AT_LAMBDA:
            return self._at_lambda(measure, at.lambda_)
        if measure in AT_THRESHOLD:
            counted = self.counted(at)
            return None if counted is None else counted[0]
        if measure in AT_EPSILON:
            return self._at_epsilon(at.epsilon)
        found = getattr(self.numbers, measure)
        return None if found is None else float(found)

    def _at_epsilon(self, epsilon: float | None) -> float | None:
        grid = self.complexity.get("epsilon", ())
        for value, g in zip(grid, self.complexity.get("g", ()), strict=True):
            if epsilon and abs(value / epsilon - 1) < NEAR:
                return g
        return None

    def _at_lambda(self, measure: str, at: float | None) -> float | None:
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
    gap, boundary, spectrum = report.gap, report.boundary, report.spectrum
    test = report.data.test
    tested = None if test is None else test.n
    counts = None if spectrum is None else spectrum.counts
    found = Minimum(numbers, counts=counts, tested=tested)
    if boundary is not None:
        curve = boundary.g_curve
        found = replace(found, complexity={"epsilon": curve.epsilon, "g": curve.g})
    if gap is None:
        return found
    n = report.data.train.n
    curves = {
        "alo_at": gap.curves.alo_ggn,
        "soft_rank_at": [None if v is None else v / n for v in gap.curves.soft_rank_ggn],
        "tic_at": gap.curves.tic_ggn,
    }
    return replace(found, lambdas=gap.curves.lambda_, curves=curves)


def cell(minimum: Minimum, measure: str, at: Levels = NOWHERE) -> str:
    """A measure as the table writes it: with its interval or standard error where it has one."""
    value = minimum.value(measure, at)
    if value is None:
        return "—"
    if measure in ("outliers", "n90", "parameters", "misclassified"):
        return count(int(value))
    if measure in BRACKETS:
        return minimum.bracket(measure).words(number)
    if measure == "count_at":
        error = (minimum.counted(at) or (0.0, None))[1]
        return count(round(value)) if error is None else " ".join(with_error(value, error))
    text = level(value) if measure == "lambda_eff" else number(value)
    ends, error = minimum.numbers.gap_ninety, minimum.standard_error(measure)
    if measure == "gap_estimate" and ends:
        return f"{nats(value)} ({span(value, ends)})"
    return " ".join(with_error(value, error)) if error else text


def letters(position: int) -> str:
    """A short name for the ranking: A … Z, then A2 … Z2."""
    turn, place = divmod(position, 26)
    return chr(65 + place) + (str(turn + 1) if turn else "")
