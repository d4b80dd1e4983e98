"""The rules of docs/mathematics.md, "Verdict", each at its threshold."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from minimascope.curvature.gap.chance import SCHEDULE_ERROR, chance_within
from minimascope.curvature.gap.verdict import (
    PROMISED,
    Evidence,
    Verdict,
    chance_within_two,
    judge,
    soft_rank_note,
)
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.loss import LossName
from minimascope.objective.named import loss_named

HEALTHY = Evidence(
    loss=CrossEntropy(),
    alo=0.2,
    tic=0.15,
    soft_rank=0.3,
    t_alo=0.9,
    max_leverage=0.4,
    slope=-0.5,
    scatter=0.01,
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
def test_a_lambda_from_a_schedule_is_not_enough_where_the_estimate_follows_it(
    loss: LossName,
) -> None:
    given = replace(SCHEDULE, loss=loss_named(loss))
    # Without scatter the chance is P(|slope·σz| ≤ log 2), 90% at |slope| = log 2/(1.645σ).
    limit = math.log(2) / (1.6449 * SCHEDULE_ERROR)
    assert judge(replace(given, scatter=0.0, slope=-0.99 * limit))[0] == "reliable"
    for slope in (-1.01 * limit, 1.01 * limit, None):
        sensitive = replace(given, scatter=0.0, slope=slope)
        verdict, reason = judge(sensitive)
        assert verdict == "uncertain"
        assert chance_within_two(sensitive) < PROMISED
        assert "schedule" in reason
        # At a minimum of a known weight decay, λ is no guess and any slope is fine.
        assert judge(replace(sensitive, pure_weight_decay=True))[0] == "reliable"


def test_a_gap_within_the_scatter_of_the_training_set_is_not_promised() -> None:
    # With q = estimate/scatter, P(z < −q/2) + P(z > q) = 0.0956 + 0.0045 at q = 2.614.
    scatter = HEALTHY.alo / 2.614
    assert judge(replace(HEALTHY, scatter=0.99 * scatter))[0] == "reliable"
    verdict, reason = judge(replace(HEALTHY, scatter=1.01 * scatter))
    assert verdict == "uncertain"
    assert "leave-one-out says 0.2," in reason
    assert "90% only" in reason or "89% only" in reason
    assert "schedule" not in reason


@pytest.mark.parametrize(("scatter", "slope"), [(0.05, 0.0), (0.05, -0.5), (0.12, -1.0)])
def test_chance_is_the_share_of_simulated_gaps(scatter: float, slope: float) -> None:
    generator = torch.Generator().manual_seed(0)
    draws = 400_000
    error, luck = torch.randn(2, draws, generator=generator, dtype=torch.float64)
    gap = 0.2 * torch.exp(-slope * 0.6 * error) + scatter * luck
    share = float(((gap >= 0.1) & (gap <= 0.4)).double().mean())
    found = chance_within(0.2, scatter=scatter, slope=slope, schedule_error=0.6)
    # A share of 400,000 draws is known to √(1/4/400,000) = 0.0008: four of these.
    assert found == pytest.approx(share, abs=0.0032)


@pytest.mark.parametrize("estimate", [0.0, -0.1, math.nan])
def test_an_estimate_that_is_no_gap_has_no_chance(estimate: float) -> None:
    assert chance_within(estimate, scatter=0.1, slope=-0.5, schedule_error=0.5) == 0.0


def test_sentences_carry_the_numbers_that_decided() -> None:
    assert "probability 100%" in judge(HEALTHY)[1]
    assert "leverage 0.95" in judge(replace(HEALTHY, max_leverage=0.95))[1]
    assert "noise variance is 0.9" in judge(replace(HEALTHY, loss=Gaussian()))[1]
    assert "2.6 times too high" in soft_rank_note(0.5, CrossEntropy())
    assert soft_rank_note(0.8, CrossEntropy()) == ""
