"""What is said of a gap and its interval, and where a measured gap lies with respect to it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minimascope.contract.report import (
    Coverage,
    Estimate,
    Gap,
    GapCurves,
    GapDiagnostics,
    Headline,
    ObjectiveSummary,
    PenaltyGroup,
    sentences,
)
from minimascope.contract.report.gap import Z_OF_NINETY
from minimascope.curvature.gap.interval import NINETY, interval

HEADLINE = Headline(
    name="leave_one_out",
    value=0.102,
    half=(0.08, 0.13),
    ninety=(0.052, 0.198),
    coverage=Coverage(networks=10, half=5, ninety=8, sentence="Eight of ten held."),
)
MEASURED = Estimate(value=0.07, standard_error=0.016)
GAP = Gap.model_validate(
    {
        "lambda": 0.01,
        "headline": HEADLINE,
        "verdict": "uncertain",
        "reason": "Few.",
        "estimates": {},
        "curves": GapCurves.model_validate(
            {
                "lambda": [],
                "soft_rank_ggn": [],
                "soft_rank_hessian_clipped": [],
                "tic_ggn": [],
                "alo_ggn": [],
            }
        ),
        "measured": MEASURED,
        "diagnostics": GapDiagnostics(),
        "baselines": {},
    }
)


@pytest.mark.parametrize(
    ("value", "like", "words"),
    [
        (0.102, None, "0.10"),
        (0.0976, None, "0.098"),
        (0.0997, None, "0.10"),
        (1.24, None, "1.2"),
        (12.4, None, "12"),
        (0.0052, 0.102, "0.01"),
        (-0.02, None, "−0.020"),
        (3.2e-7, None, "3.2e−07"),
        (0.0, None, "0"),
    ],
)
def test_nats_have_two_digits_or_those_of_their_estimate(
    value: float, like: float | None, words: str
) -> None:
    assert sentences.nats(value, like=like) == words


def test_the_headline_is_a_sentence_with_its_interval() -> None:
    assert sentences.expected(GAP) == (
        "Expect test loss about 0.10 nats above training loss (likely 0.05 to 0.20)."
    )
    assert sentences.coverage(GAP) == "Eight of ten held."
    assert sentences.at_least(GAP) == ""


def test_an_interval_that_reaches_zero_is_read_at_most_its_upper_end() -> None:
    for low in (0.0, 0.004):
        wide = HEADLINE.model_copy(update={"ninety": (low, 0.3)})
        said = sentences.expected(GAP.model_copy(update={"headline": wide}))
        assert said == "Expect test loss at most 0.30 nats above training loss (estimate 0.10)."


def test_without_an_estimate_at_most_a_lower_end_is_said() -> None:
    silent = GAP.model_copy(update={"headline": None, "verdict": "no_estimate", "at_least": 0.021})
    assert sentences.expected(silent).startswith("No estimate")
    assert sentences.at_least(silent) == "Probably at least 0.021 nats."
    assert sentences.at_least(silent.model_copy(update={"at_least": None})) == ""
    assert sentences.coverage(silent) == ""
    assert sentences.measured(silent) == "On the test set the gap is 0.070 ± 0.016 nats."


@pytest.mark.parametrize(
    ("measured", "error", "lies"),
    [
        (0.19, None, "inside"),
        (0.06, None, "inside"),
        (0.21, None, "above"),
        (0.04, None, "below"),
        # Its own standard error is added in squares: √(0.096² + (1.645·0.03)²) = 0.108.
        (0.209, 0.03, "inside"),
        (0.211, 0.03, "above"),
    ],
)
def test_a_measured_gap_lies_inside_above_or_below(
    measured: float, error: float | None, lies: str
) -> None:
    found = Estimate(value=measured, standard_error=error)
    assert HEADLINE.lies(found) == lies
    said = sentences.measured(GAP.model_copy(update={"measured": found}))
    assert said.endswith(f"{lies} the 90% interval.")


def test_an_interval_that_reaches_zero_has_no_lower_end() -> None:
    wide = HEADLINE.model_copy(update={"ninety": (0.0, 0.3)})
    assert wide.lies(Estimate(value=-0.2, standard_error=0.01)) == "inside"
    assert wide.lies(Estimate(value=None)) is None
    assert wide.lies(None) is None


def test_the_error_of_a_test_set_widens_the_interval_as_more_scatter_would() -> None:
    m, sigma, scatter, error = 0.2, 0.25, 0.04, 0.03
    narrow = interval(m, sigma=sigma, scatter=scatter, level=NINETY)
    wide = interval(m, sigma=sigma, scatter=math.hypot(scatter, error), level=NINETY)
    headline = HEADLINE.model_copy(update={"value": m, "ninety": tuple(narrow)})
    assert pytest.approx(NINETY.z) == Z_OF_NINETY
    for gap in np.linspace(0.01, 0.5, 491):
        if min(abs(gap - end) for end in wide) > 1e-9:
            inside = wide.low <= gap <= wide.high
            found = headline.lies(Estimate(value=float(gap), standard_error=error))
            assert (found == "inside") == inside, gap


def test_what_was_told_is_said_and_what_was_not_too() -> None:
    nothing = dict(sentences.told(ObjectiveSummary()))
    assert {"weight decay", "optimizer", "schedule", "augmentation", "dropout"} <= {
        name for name, words in nothing.items() if words == "not told"
    }
    told = ObjectiveSummary(
        label_smoothing=0.1,
        penalty=[
            PenaltyGroup(name="matrices", weight_decay=0.01, parameters=1200),
            PenaltyGroup(name="the rest", weight_decay=0.0, parameters=30),
        ],
        trained=1230,
        frozen=99,
        optimizer="adamw",
        moments="gradients",
        lr=1e-3,
        steps=2000,
        schedule="cosine",
        learning_rate_sum=1.0,
        training_time=1.0,
        lambda_reference=0.01,
        augmentation=True,
        copies=True,
        dropout=False,
    )
    assert dict(sentences.told(told)) == {
        "loss": "cross-entropy, label smoothing 0.1",
        "weight decay": "0.01 on matrices (1,200); 0 on the rest (30)",
        "trained": "1,230 parameters, 99 frozen",
        "optimizer": "AdamW, second moments estimated from gradients",
        "schedule": "cosine, lr 0.001, 2,000 steps, Σ lr = 1, T = 1",
        "λ": "0.01, in units of weight decay",
        "augmentation": "yes, copies in the data",
        "dropout": "no",
    }
