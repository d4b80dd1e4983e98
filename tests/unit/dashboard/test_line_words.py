"""The line between two minima, in words."""

from __future__ import annotations

import pytest

from dashboard.pages.compare.line import line_words
from minimascope.contract.questions.interpolations import Barrier, Statistics
from tests.cases.curves import CURVE, SPLIT


@pytest.mark.parametrize(
    ("barrier", "statistics", "said"),
    [
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "none", "barrier of 0.750 ± 0.080"),
        (Barrier(value=0.01, standard_error=0.02, alpha=0.5), "none", "linearly connected"),
        (Barrier(value=0.0, standard_error=0.0, alpha=0.0), "none", "No barrier"),
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "interpolated", "may be theirs"),
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "recomputed", "Jordan et al. 2022"),
    ],
)
def test_a_barrier_is_said_with_its_error_and_what_was_done(
    barrier: Barrier, statistics: Statistics, said: str
) -> None:
    train = SPLIT.model_copy(update={"barrier": barrier})
    curve = CURVE.model_copy(update={"train": train, "statistics": statistics})
    words = " ".join(str(part.children) for part in line_words(curve))  # type: ignore[attr-defined]
    assert said in words
    assert ("12.3 apart") in words
