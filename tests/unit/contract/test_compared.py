"""Sentences of a comparison: what is larger than its errors, and what may not be compared."""

from __future__ import annotations

from typing import Any

from minimascope.contract.compared import sentences
from minimascope.contract.schemas import KeyNumbers

NAMES = ["A", "B", "C"]


def minimum(name: str, **numbers: Any) -> KeyNumbers:
    return KeyNumbers(id=name, name=name, state="done", **numbers)


def measured(gap: float, error: float, **more: Any) -> KeyNumbers:
    return minimum("m", gap_measured=gap, gap_measured_error=error, **more)


def test_the_best_is_named_with_its_errors_and_directions() -> None:
    items = [
        measured(0.0698, 0.0156, n90=6, lambda_max=8.35),
        measured(0.448, 0.055, n90=39, lambda_max=1.75),
        measured(1.21, 0.13, n90=208, lambda_max=2.32),
    ]
    assert sentences(items, NAMES) == (
        "A generalizes best: its measured gap is 0.070 ± 0.016 nats, against 0.448 ± 0.055 for B "
        "and 1.21 ± 0.13 for C. A's boundary needs 6 directions, B's 39 and C's 208. Sharpness "
        "misleads here: λ₁ is largest at A."
    )


def test_gaps_within_their_errors_are_not_ordered() -> None:
    # a difference of 0.03 with an error of √(0.02² + 0.02²) = 0.028: just over one error
    said = sentences([measured(0.10, 0.02), measured(0.13, 0.02)], NAMES[:2])
    assert "generalizes best" not in said
    assert said.startswith("The measured gaps of A and B differ by no more than their errors")


def test_minima_of_different_data_are_told_apart_and_not_ranked() -> None:
    items = [measured(0.1, 0.001), measured(0.9, 0.001)]
    said = sentences(items, NAMES[:2], one_data=False)
    assert "different data" in said
    assert "best" not in said


def test_without_test_sets_intervals_decide_or_do_not() -> None:
    low = minimum("a", gap_estimate=0.1, gap_ninety=(0.05, 0.2))
    high = minimum("b", gap_estimate=0.5, gap_ninety=(0.3, 0.9))
    near = minimum("c", gap_estimate=0.15, gap_ninety=(0.1, 0.4))
    assert sentences([high, low], NAMES[:2]).startswith("B is expected to generalize best")
    assert "overlap" in sentences([low, near], NAMES[:2])
    assert sentences([low], NAMES[:1]) == ""


def test_a_number_that_is_disowned_takes_no_part() -> None:
    items = [minimum("a", gap_not_used=0.01), minimum("b", gap_not_used=2.4)]
    assert sentences(items, NAMES[:2]) == ""
