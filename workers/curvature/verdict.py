"""Whether to believe the headline number: the rules of docs/mathematics.md, section 3.

Thresholds come from networks whose gap was measured; each verdict says why in one sentence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from workers.curvature.minimum import Loss

Verdict = Literal["reliable", "lower_bound", "upper_leaning", "no_estimate", "not_a_minimum"]

OVER_CONFIDENT = 1.2
UNDER_CONFIDENT = 0.3
SOFT_RANK_HIGH = 0.7
INTERPOLATING = 0.02
NEWTON_SHARE = 0.1
DOMINATED = 0.9
# Root mean square error of log λ_eff from a schedule, and the |d log ALO/d log λ| up to which such
# an error leaves 90% of networks within ×2: fixed on half of the gap study (docs/gap_study.md).
SCHEDULE_ERROR = 0.85
SENSITIVE = 0.6


@dataclass(frozen=True)
class Evidence:
    """What the rules look at; nats except ratios and temperatures.

    newton is None where it does not apply (no weight decay known). slope is d log ALO/d log λ,
    None where ALO is not positive around λ. For mse t_alo is the leave-one-out noise variance.
    """

    loss: Loss
    alo: float
    tic: float
    soft_rank: float
    t_alo: float
    max_leverage: float
    slope: float | None
    newton: float | None
    newton_is_exact: bool
    pure_weight_decay: bool


def reached_minimum(newton: float | None, alo: float, tic: float) -> bool | None:
    """Whether the Newton decrement is below 10% of ALO and of TIC; None if it is not known.

    TIC counts beside ALO because one example of leverage near 1 can inflate ALO by any factor.
    """
    if newton is None:
        return None
    return newton < NEWTON_SHARE * min(abs(alo), tic)


def judge(evidence: Evidence) -> tuple[Verdict, str]:
    """The verdict and its sentence, for a known λ_eff."""
    e = evidence
    ratio = e.tic / e.soft_rank if e.soft_rank > 0 else 0.0
    # For mse TIC/soft rank is the residual variance; only its share of the noise means something.
    if e.loss == "mse" and e.t_alo > 0:
        ratio /= e.t_alo
    if ratio < INTERPOLATING:
        return "no_estimate", (
            f"The network interpolates its training data (TIC is {ratio:.2g} of the soft rank, "
            f"below {INTERPOLATING}), so curvature at this point says nothing about its gap."
        )
    if e.pure_weight_decay and reached_minimum(e.newton, e.alo, e.tic) is False:
        return "not_a_minimum", _not_reached(e)
    return _by_temperature(e)


def _not_reached(e: Evidence) -> str:
    assert e.newton is not None
    approximation = "" if e.newton_is_exact else " (with the GGN for H₊)"
    return (
        f"The regularised loss could still fall by about {e.newton:.2g} nats{approximation}, "
        f"{e.newton / min(abs(e.alo), e.tic):.0%} of the smaller of ALO and TIC (10% allowed): "
        "this is not a minimum at this weight decay, and the number is not to be relied on. Train "
        "until the loss stands still, or give lr, momentum and steps."
    )


def _by_temperature(e: Evidence) -> tuple[Verdict, str]:
    note = _dominated(e)
    if e.loss != "mse" and e.t_alo > OVER_CONFIDENT:
        return "lower_bound", f"{_over_confident(e)}{note}"
    if e.loss != "mse" and e.t_alo <= UNDER_CONFIDENT:
        return "upper_leaning", (
            f"Under-confident: leave-one-out logits want a temperature of {e.t_alo:.2f} (at most "
            f"{UNDER_CONFIDENT}), so the estimate leans high.{note}"
        )
    if depends_on_the_schedule(pure_weight_decay=e.pure_weight_decay, slope=e.slope):
        return "no_estimate", _sensitive(e)
    return "reliable", f"{_healthy(e)}{_schedule_note(e)}{note}"


def depends_on_the_schedule(*, pure_weight_decay: bool, slope: float | None) -> bool:
    """Whether λ is not known well enough for ALO: it comes from a schedule, and ALO follows it."""
    return not pure_weight_decay and (slope is None or abs(slope) > SENSITIVE)


def _sensitive(e: Evidence) -> str:
    follows = (
        "it is not even positive for every λ near it"
        if e.slope is None
        else f"it changes by {abs(e.slope):.0%} of any relative change of λ ({SENSITIVE:.0%} "
        "allowed)"
    )
    return (
        f"λ comes from the training schedule, which gives it to a factor of about "
        f"{math.exp(SCHEDULE_ERROR):.1f} only, and here the estimate depends too much on it: "
        f"{follows}. Train to a minimum at a known weight decay, or read the curve over λ."
    )


def _healthy(e: Evidence) -> str:
    if e.loss == "mse":
        return (
            "Leave-one-out on squared error needs no noise model; the estimated noise variance is "
            f"{e.t_alo:.3g}, and soft rank/n is to be multiplied by it."
        )
    what = "At its minimum and neither" if e.pure_weight_decay else "Neither"
    return (
        f"{what} over- nor under-confident: leave-one-out logits want a temperature of "
        f"{e.t_alo:.2f}, TIC is {e.tic / e.soft_rank:.2f} of the soft rank."
    )


def _schedule_note(e: Evidence) -> str:
    if e.pure_weight_decay or e.slope is None:
        return ""
    factor = math.exp(SCHEDULE_ERROR * abs(e.slope))
    return (
        f" λ comes from the training schedule, which gives it to a factor of about "
        f"{math.exp(SCHEDULE_ERROR):.1f}: a factor of {factor:.1f} in the estimate."
    )


def _over_confident(e: Evidence) -> str:
    # Figures: docs/gap_study.md.
    what = (
        "at a converged minimum the gap was 1.0–1.2 times the estimate in networks like this"
        if e.pure_weight_decay
        else "after early stopping the estimate was wrong either way in networks like this, from "
        "0.4 to 4.7 times the gap: take it as an order of magnitude"
    )
    return (
        f"Over-confident: leave-one-out logits want a temperature of {e.t_alo:.2f} (above "
        f"{OVER_CONFIDENT}); {what}."
    )


def _dominated(e: Evidence) -> str:
    if e.max_leverage <= DOMINATED:
        return ""
    return (
        f" A training example has leverage {e.max_leverage:.2f}: few examples carry the sum, "
        "and it may be too high."
    )


def soft_rank_note(t_alo: float, loss: Loss) -> str:
    """What to know about the soft-rank row."""
    if loss == "mse":
        return "assumes noise variance 1"
    if t_alo < SOFT_RANK_HIGH:
        return (
            f"typically 2.6 times too high on networks this under-confident (T = {t_alo:.2f} < "
            f"{SOFT_RANK_HIGH})"
        )
    return ""
