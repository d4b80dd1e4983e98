"""The rules of docs/mathematics.md, "Verdict", each at its threshold, and their sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from minimascope.curvature.gap.calibrated import (
    SIGMA,
    SIGMA_APART,
    SIGMA_UNNAMED,
    SIGMA_WITHOUT_STATE,
)
from minimascope.curvature.gap.checks import checks
from minimascope.curvature.gap.training import Training
from minimascope.curvature.gap.verdict import Evidence, LeftOut, Verdict, judge, soft_rank_note

RIDGE = LeftOut(alo=0.2, tic=0.15, soft_rank=0.3, temperature=1.0, scatter=0.01)
TOLD = Training("adamw", augmentation=False, dropout=False, moments="state")
MINIMUM_TOLD = Training("lbfgs", augmentation=False, dropout=False)
MINIMUM = Evidence(
    ridge=RIDGE, filtered=None, training=TOLD, n=400, gradient_share=0.01, scheduled=False
)
STOPPED = replace(MINIMUM, filtered=replace(RIDGE, alo=0.3), scheduled=True, gradient_share=0.5)
SGD = replace(STOPPED, training=replace(TOLD, optimizer="sgd", moments=None))


def ridge(evidence: Evidence, **changed: float) -> Evidence:
    return replace(evidence, ridge=replace(evidence.ridge, **changed))


def filtered(evidence: Evidence, alo: float) -> Evidence:
    return replace(evidence, filtered=replace(RIDGE, alo=alo))


CLOSE = 0.3 * 0.049  # TIC at 0.049 of the soft rank: the filter counts for 0.51


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (MINIMUM, "reliable"),
        (STOPPED, "reliable"),
        (SGD, "reliable"),
        (replace(MINIMUM, gradient_share=0.049), "reliable"),
        (replace(MINIMUM, gradient_share=0.051), "no_estimate"),
        (replace(STOPPED, gradient_share=9.0), "reliable"),
        (ridge(MINIMUM, temperature=50.0), "reliable"),
        (replace(MINIMUM, constant_loss=0.1334), "reliable"),
        (replace(MINIMUM, constant_loss=0.1333), "no_estimate"),
        # Halved first where the temperature says so.
        (replace(ridge(SGD, temperature=9.0), constant_loss=0.082), "reliable"),
        (ridge(MINIMUM, alo=0.0), "no_estimate"),
        (ridge(MINIMUM, alo=-0.1), "no_estimate"),
        # Far apart and close to every example: both, or neither counts.
        (ridge(filtered(STOPPED, 2.01), tic=CLOSE), "no_estimate"),
        (ridge(filtered(STOPPED, 1.99), tic=CLOSE), "uncertain"),
        # Where residual is left that is no reason to refuse; but too wide from 2.03 on.
        (filtered(STOPPED, 2.01), "uncertain"),
        (filtered(STOPPED, 0.2 * 2.04), "uncertain"),
        (filtered(STOPPED, 0.2 * 2.02), "reliable"),
        (filtered(SGD, 0.2 * 2.04), "uncertain"),
        (filtered(SGD, 0.2 * 2.02), "reliable"),
        (ridge(MINIMUM, tic=CLOSE), "reliable"),
        (replace(filtered(STOPPED, 2.01), regression=True), "no_estimate"),
        (replace(filtered(STOPPED, 1.99), regression=True), "uncertain"),
        (replace(ridge(MINIMUM, temperature=50.0), regression=True), "reliable"),
    ],
)
def test_each_rule_decides_at_its_threshold(evidence: Evidence, verdict: Verdict) -> None:
    # Little but σ is left, where the temperature divides the estimate too.
    small = ridge(evidence, scatter=1e-4)
    found = judge(small)
    assert found.verdict == verdict
    assert found.reason.endswith(".")
    assert (found.estimate is None) == (verdict == "no_estimate")


def test_reliable_ends_where_the_interval_leaves_the_factor_two() -> None:
    # (m(e^(zσ) − 1))² + (zs)² = m² above, with halves below: whichever is first.
    z, m, away = 1.6449, 0.2, 2.0150 * SIGMA
    limit = math.sqrt(m**2 - (m * math.expm1(away)) ** 2) / z
    low = math.sqrt((m / 2) ** 2 - (m * math.expm1(-away)) ** 2) / z
    limit = min(limit, low)
    assert judge(ridge(MINIMUM, scatter=0.999 * limit)).verdict == "reliable"
    found = judge(ridge(MINIMUM, scatter=1.001 * limit))
    assert found.verdict == "uncertain"
    assert found.estimate == pytest.approx(0.2)


@pytest.mark.parametrize("stopped", [STOPPED, SGD])
@pytest.mark.parametrize(("share", "leaning"), [(0.5, 0), (0.1, 0), (0.05, 0.5), (0.0, 1)])
def test_the_filter_counts_as_the_fit_is_close(
    stopped: Evidence, share: float, leaning: float
) -> None:
    wide = replace(stopped, filtered=replace(RIDGE, alo=0.3, scatter=0.04))
    found = judge(ridge(wide, tic=share * 0.3))
    assert found.estimate == pytest.approx(0.2 * 1.5**leaning)
    assert found.scatter == pytest.approx(0.01 * 4**leaning)
    squared = judge(ridge(replace(wide, regression=True), tic=share * 0.3))
    assert squared.estimate == pytest.approx(0.2)
    assert judge(ridge(replace(wide, filtered=None), tic=0.0)).estimate == pytest.approx(0.2)


def test_before_a_minimum_estimates_bend_at_half_the_loss_of_the_best_constant() -> None:
    beyond = judge(replace(STOPPED, constant_loss=0.2))
    assert beyond.estimate == pytest.approx(0.1 * (1 + math.log(2)))
    assert beyond.scatter == pytest.approx(0.01 / 2)
    assert judge(replace(STOPPED, constant_loss=0.4)).estimate == pytest.approx(0.2)
    assert judge(replace(MINIMUM, constant_loss=0.2)).estimate == pytest.approx(0.2)


HEAT = [(0.2, 1.0), (1.2, 1.0), (1.8, (1.2 / 1.8) ** 0.5), (4.8, 0.5), (9.0, 0.5)]


@pytest.mark.parametrize(("temperature", "factor"), HEAT)
def test_over_confidence_divides_the_estimate_by_sgd_alone_and_by_two_at_most(
    temperature: float, factor: float
) -> None:
    hot = ridge(SGD, temperature=temperature)
    assert judge(hot).estimate == pytest.approx(0.2 * factor)
    assert judge(replace(hot, regression=True)).estimate == pytest.approx(0.2)
    for calm in (STOPPED, MINIMUM, replace(SGD, filtered=None)):
        assert judge(ridge(calm, temperature=temperature)).estimate == pytest.approx(0.2)


def test_apart_the_interval_reaches_from_ridge_to_filter_and_further() -> None:
    apart = judge(ridge(filtered(STOPPED, 0.8), tic=CLOSE))
    assert apart.estimate == pytest.approx(0.2 * 4**0.51)
    assert apart.ninety is not None
    assert apart.ninety.low < 0.2
    assert apart.ninety.high > 0.8


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "lbfgs"])
@pytest.mark.parametrize(("bracket", "sigma"), [(0.9, 0.16), (1, 0.16), (1.5, 0.2561), (4, 0.4776)])
def test_sigma_is_the_same_for_every_optimiser_and_grows_as_ridge_and_filter_part(
    optimizer: Any, bracket: float, sigma: float
) -> None:
    told = replace(TOLD, optimizer=optimizer, moments=None)
    stopped = replace(filtered(STOPPED, 0.2 * bracket), training=told)
    assert judge(stopped).sigma == pytest.approx(sigma, abs=1e-4)
    assert judge(replace(stopped, filtered=None)).sigma == SIGMA == 0.16


def test_what_is_not_known_of_the_optimiser_is_a_least_width() -> None:
    for moments in ("gradients", "scalar"):
        guessed = replace(STOPPED, training=replace(TOLD, moments=moments))
        assert judge(guessed).sigma == SIGMA_WITHOUT_STATE == 0.49
        wide = math.hypot(SIGMA, SIGMA_APART * 0.9)
        assert judge(filtered(guessed, 2.0)).sigma == pytest.approx(wide)
    for name in ("other", None):
        unnamed = replace(MINIMUM, training=replace(TOLD, optimizer=name, moments=None))
        assert judge(unnamed).sigma == SIGMA_UNNAMED == 0.31


def test_without_an_estimate_only_a_lower_end_is_said_and_for_squared_error_nothing() -> None:
    hopeless = ridge(filtered(STOPPED, 2.1), temperature=6.0, tic=CLOSE)
    assert judge(hopeless).at_least == pytest.approx(0.2 * 1.2 / 6.0)
    assert judge(replace(MINIMUM, constant_loss=0.1)).at_least is None
    apart = replace(filtered(STOPPED, 2.1), regression=True)
    assert judge(apart).at_least is None
    assert judge(ridge(MINIMUM, alo=-0.1)).at_least is None
    assert judge(replace(MINIMUM, gradient_share=0.5)).at_least is None
    copied = replace(TOLD, augmentation=True)
    assert judge(replace(hopeless, training=copied)).at_least is None


def test_what_training_added_is_never_reliable_where_the_analysis_did_not_see_it() -> None:
    altered = judge(replace(MINIMUM, training=replace(TOLD, augmentation=True)))
    assert altered.verdict == "uncertain"
    assert altered.half is not None
    assert altered.ninety is not None
    assert altered.half.low == altered.ninety.low == 0.0
    assert "copies" in altered.reason
    given = replace(TOLD, augmentation=True, copies=True)
    assert judge(replace(MINIMUM, training=given)).verdict == "reliable"
    noisy = judge(replace(SGD, training=replace(SGD.training, dropout=True)))
    assert noisy.verdict == "uncertain"
    assert "dropout" in noisy.reason
    assert judge(replace(MINIMUM, training=replace(TOLD, dropout=True))).verdict == "reliable"


@pytest.mark.parametrize("name", [None, "other"])
def test_an_unknown_optimiser_matters_before_a_minimum_only(name: None) -> None:
    unknown = replace(TOLD, optimizer=name, moments=None)
    stopped = judge(replace(STOPPED, training=unknown))
    assert stopped.verdict == "uncertain"
    assert "Adam" in stopped.reason
    assert judge(replace(MINIMUM, training=unknown)).verdict == "reliable"


def test_guessed_second_moments_are_not_reliable_and_say_so() -> None:
    guessed = judge(replace(STOPPED, training=replace(TOLD, moments="gradients")))
    assert guessed.verdict == "uncertain"
    assert "state" in guessed.reason


def test_sentences_carry_the_numbers_that_decided() -> None:
    # What is named first is the wider part: the estimate's own factor, or the examples.
    apart = ridge(filtered(STOPPED, 0.45), scatter=0.05)
    assert "off by up to a factor of 2.1" in judge(apart).reason
    assert "400 training examples are few" in judge(ridge(MINIMUM, scatter=0.2)).reason
    assert "51%" in judge(replace(MINIMUM, gradient_share=0.51)).reason
    assert "answer costs 0.11" in judge(replace(MINIMUM, constant_loss=0.11)).reason
    assert "factor of 4.5" in judge(ridge(filtered(STOPPED, 0.9), tic=CLOSE)).reason
    assert "factor of 11" in judge(ridge(filtered(STOPPED, 2.2), tic=CLOSE)).reason
    assert "2.6 times too high" in soft_rank_note(0.5, regression=False)
    assert soft_rank_note(0.8, regression=False) == ""
    assert soft_rank_note(0.5, regression=True) == "assumes noise variance 1"


def test_the_checklist_says_what_held_what_did_not_and_what_nobody_told() -> None:
    held = {check.name: check for check in checks(STOPPED, judge(STOPPED))}
    assert list(held) == [
        *("convergence", "temperature", "interpolation", "bracket", "width"),
        *("optimizer", "augmentation", "dropout"),
    ]
    assert all(check.passed for check in held.values())
    silent = replace(STOPPED, training=Training())
    untold = {check.name: check.passed for check in checks(silent, judge(silent))}
    assert [name for name, passed in untold.items() if passed is None] == [
        *("optimizer", "augmentation", "dropout"),
    ]
    hot = ridge(filtered(SGD, 0.9), temperature=4.8, tic=CLOSE)
    failed = {check.name: check for check in checks(hot, judge(hot)) if check.passed is False}
    assert list(failed) == ["temperature", "interpolation", "bracket", "width"]
    assert failed["temperature"].value == 4.8
    assert "divided by 2" in failed["temperature"].sentence
    assert all(check.sentence.endswith(".") for check in held.values())


def test_the_checklist_agrees_with_the_verdict() -> None:
    for evidence in (MINIMUM, STOPPED, SGD, ridge(MINIMUM, scatter=0.2)):
        judged = judge(evidence)
        width = next(c for c in checks(evidence, judged) if c.name == "width")
        assert width.passed is (judged.verdict == "reliable")
