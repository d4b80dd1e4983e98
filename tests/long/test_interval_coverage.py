"""How often the intervals of many drawn training sets hold their own gap."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minimascope.curvature.gap.estimate import estimate_gap
from tests.cases.regressions import Drawn, at_minimum, stopped


@pytest.mark.parametrize("draw", [at_minimum, stopped])
def test_intervals_of_drawn_regressions_hold_their_gaps_as_often_as_they_say(
    draw: Callable[[int], Drawn],
) -> None:
    """At exact minima nothing lies beyond scatter, so σ makes them hold at least what they say."""
    draws, held = 40, {"half": 0, "ninety": 0}
    for seed in range(draws):
        case = draw(seed)
        found = estimate_gap(case.minimum).headline
        assert found is not None
        held["half"] += found.half.low <= case.gap <= found.half.high
        held["ninety"] += found.ninety.low <= case.gap <= found.ninety.high
    # Two binomial standard errors below what is said: 20 − 2·3.2 and 36 − 2·1.9 of 40.
    assert held["half"] >= 14
    assert held["ninety"] >= 33
    assert held["half"] < draws  # an interval that always holds says nothing
