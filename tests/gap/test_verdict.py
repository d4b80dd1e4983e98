"""The rules of docs/mathematics.md, "Verdict", each at its threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workers.curvature.minimum import Loss
from workers.curvature.verdict import (
    SENSITIVE,
    Evidence,
    Verdict,
    depends_on_the_schedule,
    judge,
    soft_rank_note,
)

HEALTHY = Evidence(
    loss="cross_entropy",
    alo=0.2,
    tic=0.15,
    soft_rank=0.3,
    t_alo=0.9,
    max_leverage=0.4,
    slope=-0.5,
    newton=0.001,
    newton_is_exact=True,
    pure_weight_decay=True,
)
SCHEDULE = replace(HEALTHY, pure_weight_decay=False)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (HEALTHY, "reliable"),
        (replace(HEALTHY, t_alo=1.2), "reliable"),
        (replace(HEALTHY, t_alo=1.21), "lower_bound"),
        (replace(HEALTHY, t_alo=0.3), "upper_leaning"),
        (replace(HEALTHY, tic=0.0059), "no_estimate"),
        (replace(HEALTHY, newton=0.016), "not_a_minimum"),
        # A decrement below 10% of ALO alone is not enough: an inflated ALO would pass anything.
        (replace(HEALTHY, alo=50.0, newton=0.016), "not_a_minimum"),
        # Early-stopped training ends where the gradient is not zero, and λ_eff says so already.
        (replace(SCHEDULE, newton=1.0), "reliable"),
        (replace(SCHEDULE, t_alo=1.21), "lower_bound"),
    ],
)
def test_each_rule_decides_at_its_threshold(evidence: Evidence, verdict: Verdict) -> None:
    found, reason = judge(evidence)
    assert found == verdict
    assert reason.endswith(".")


@pytest.mark.parametrize("loss", ["cross_entropy", "binary", "mse"])
def test_a_lambda_from_a_schedule_is_not_enough_where_the_estimate_follows_it(loss: Loss) -> None:
    given = replace(SCHEDULE, loss=loss)
    assert judge(replace(given, slope=-SENSITIVE))[0] == "reliable"
    for slope in (-SENSITIVE - 0.01, None):
        verdict, reason = judge(replace(given, slope=slope))
        assert verdict == "no_estimate"
        assert "λ comes from the training schedule" in reason
        # At a minimum of a known weight decay, λ is no guess and any slope is fine.
        known = replace(given, slope=slope, pure_weight_decay=True)
        assert judge(known)[0] == "reliable"
        assert depends_on_the_schedule(pure_weight_decay=False, slope=slope)


def test_sentences_carry_the_numbers_that_decided() -> None:
    assert "72%" in judge(replace(SCHEDULE, slope=-0.72))[1]
    assert "leverage 0.95" in judge(replace(HEALTHY, max_leverage=0.95))[1]
    assert "noise variance is 0.9" in judge(replace(HEALTHY, loss="mse"))[1]
    assert "2.6 times too high" in soft_rank_note(0.5, "cross_entropy")
    assert soft_rank_note(0.8, "binary") == ""
