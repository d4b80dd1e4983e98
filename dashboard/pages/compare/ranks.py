"""How far measures rank the compared minima like their measured gap, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, spearmanr

from dashboard.pages.compare.measures import (
    BRACKETS,
    MEASURES,
    NOWHERE,
    SHARED,
    Levels,
    Minimum,
    letters,
)
from minimascope.contract.report import Bracket

# The gap is test loss minus training loss: these rank the minima like it by construction.
LEAKS = ("test_loss", "test_accuracy")
WANTED = 8  # minima below which a rank correlation is mostly chance
Z = 1.96  # of a 95% interval


def _beside_the_gap(
    minima: Sequence[Minimum], measure: str, at: Levels
) -> tuple[list[float], list[float]] | None:
    """A measure and the measured gap of the minima that have both; None below `WANTED` of them."""
    values = [(m.value(measure, at), m.numbers.gap_measured) for m in minima]
    pairs = [(a, b) for a, b in values if a is not None and b is not None]
    if measure in ("gap_measured", *LEAKS) or len(pairs) < WANTED:
        return None
    found = [a for a, _ in pairs], [b for _, b in pairs]
    # A constant has no order to compare.
    return found if min(len(set(side)) for side in found) > 1 else None


def tau_against_gap(minima: Sequence[Minimum], measure: str, at: Levels = NOWHERE) -> float | None:
    """Kendall τ of a measure against the measured gap; None below eight minima that have both."""
    pairs = _beside_the_gap(minima, measure, at)
    return None if pairs is None else float(kendalltau(*pairs).statistic)


def tau_interval(tau: float, n: int) -> tuple[float, float]:
    """95% interval of Kendall's τ over n ≥ 5 minima.

    Fieller, Hartley and Pearson (1957): atanh τ has variance 0.437/(n − 4).
    """
    half = Z * np.sqrt(0.437 / (n - 4))
    middle = np.arctanh(np.clip(tau, -0.9999, 0.9999))
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


def rho_against_gap(minima: Sequence[Minimum], measure: str, at: Levels = NOWHERE) -> float | None:
    """Spearman ρ of a measure against the measured gap; None below eight minima that have both."""
    pairs = _beside_the_gap(minima, measure, at)
    return None if pairs is None else float(spearmanr(*pairs).statistic)


@dataclass(frozen=True)
class Rank:
    """One measure: τ and ρ with the measured gap, and the minima from its smallest value up."""

    measure: str
    words: str
    tau: float | None
    rho: float | None
    order: str


def _order(known: Sequence[tuple[float, str, Bracket | None]]) -> str:
    """`A < B = C ≈ D`: names by their values; equal ones, and brackets that overlap, say so."""
    said = ""
    for index, (value, name, bracket) in enumerate(known):
        if index:
            before, _, other = known[index - 1]
            unclear = bracket is not None and other is not None and bracket.overlaps(other)
            said += " = " if value == before else " ≈ " if unclear else " < "
        said += name
    return said


def undistinguished(minima: Sequence[Minimum], measure: str) -> str:
    """Names of those whose bracket overlaps another's: ` (A, B not distinguished)`, or nothing."""
    known = [(letters(i), m.bracket(measure)) for i, m in enumerate(minima)]
    known = [(name, bracket) for name, bracket in known if bracket.upper is not None]
    same = [
        name
        for name, bracket in known
        if any(name != other and bracket.overlaps(theirs) for other, theirs in known)
    ]
    return f" ({', '.join(same)} not distinguished)" if same else ""


def ranking(minima: Sequence[Minimum], at: Levels = NOWHERE) -> list[Rank]:
    """Every measure that orders at least two minima, the closest to the measured gap first."""
    found = []
    for measure, words in {**MEASURES, **SHARED}.items():
        if measure in LEAKS:
            continue
        values = [(m.value(measure, at), letters(i), m) for i, m in enumerate(minima)]
        known = [
            (value, name, m.bracket(measure) if measure in BRACKETS else None)
            for value, name, m in values
            if value is not None
        ]
        known.sort(key=lambda one: one[:2])
        if len({value for value, *_ in known}) < 2:
            continue
        tau = tau_against_gap(minima, measure, at)
        rho = rho_against_gap(minima, measure, at)
        found.append(Rank(measure, words, tau, rho, _order(known)))
    first = [rank for rank in found if rank.measure == "gap_measured"]
    rest = [rank for rank in found if rank.measure != "gap_measured"]
    return first + sorted(rest, key=lambda rank: -abs(rank.tau or 0.0))
