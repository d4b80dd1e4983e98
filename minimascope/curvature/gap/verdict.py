"""Whether to believe the headline number: the rules of docs/mathematics.md, section 3.

Thresholds come from networks whose gap was measured; each verdict says why in one sentence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from minimascope.curvature.gap.chance import SCHEDULE_ERROR, chance_within
from minimascope.objective.loss import Loss

Verdict = Literal[
    "reliable", "uncertain", "lower_bound", "upper_leaning", "no_estimate", "not_a_minimum"
]

OVER_CONFIDENT = 1.2
UNDER_CONFIDENT = 0.3
SOFT_RANK_HIGH = 0.7
INTERPOLATING = 0.02
NEWTON_SHARE = 0.1
# Where the search for a temperature ends, less its tolerance.
HIGHEST = 99.0
DOMINATED = 0.9
# `reliable` promises a factor 2 with this probability, to every network that gets it.
PROMISED = 0.9


@dataclass(frozen=True)
class Evidence:
    """What the rules look at; nats except ratios and temperatures.

    newton is None where it does not apply (no weight decay known). slope is d log ALO/d log λ,
    None where ALO is not positive around λ; scatter is the standard deviation of the gap of one
    training set around its expectation. For mse t_alo is the leave-one-out noise variance.
    """

    loss: Loss
    alo: float
    tic: float
    soft_rank: float
    t_alo: float
    max_leverage: float
    slope: float | None
    scatter: float
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
    if e.loss.varies and e.t_alo > 0:
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
        f"{_share(e.newton, min(abs(e.alo), e.tic))} the smaller of ALO and TIC (10% allowed): "
        "this is not a minimum at this weight decay, and the number is not to be relied on. Train "
        "until the loss stands still, or give lr, momentum and steps."
    )


def _share(part: float, whole: float) -> str:
    """A share in percent; beyond ten times, a factor."""
    if whole <= 0:
        return "beside a zero of"
    return f"{part / whole:.0%} of" if part < 10 * whole else f"{part / whole:.2g} times"


def _by_temperature(e: Evidence) -> tuple[Verdict, str]:
    note = _dominated(e)
    if not e.loss.varies and e.t_alo > OVER_CONFIDENT:
        return "lower_bound", f"{_over_confident(e)}{note}"
    if not e.loss.varies and e.t_alo <= UNDER_CONFIDENT:
        return "upper_leaning", (
            f"Under-confident: leave-one-out logits want a temperature of {e.t_alo:.2f} (at most "
            f"{UNDER_CONFIDENT}), so the estimate leans high.{note}"
        )
    chance = chance_within_two(e)
    if chance < PROMISED:
        return "uncertain", _uncertain(e, chance)
    return "reliable", f"{_healthy(e)} {_promise(e, chance)}{note}"


def chance_within_two(e: Evidence) -> float:
    """Probability that the gap of this training set is within a factor 2 of ALO."""
    if e.slope is None and not e.pure_weight_decay:
        return 0.0
    return chance_within(
        e.alo,
        scatter=e.scatter,
        slope=e.slope or 0.0,
        schedule_error=0.0 if e.pure_weight_decay else SCHEDULE_ERROR,
    )


def _uncertain(e: Evidence, chance: float) -> str:
    return (
        f"{_healthy(e)} But leave-one-out says {e.alo:.3g}, and the gap is within a factor 2 of "
        f"that with probability {chance:.0%} only ({PROMISED:.0%} wanted): {_sources(e)}."
    )


def _promise(e: Evidence, chance: float) -> str:
    return f"Within a factor 2 with probability {chance:.0%}: {_sources(e)}."


def _sources(e: Evidence) -> str:
    said = f"the gap of a training set of this size scatters by ±{e.scatter:.2g}"
    if e.pure_weight_decay:
        return said
    factor = math.exp(SCHEDULE_ERROR)
    if e.slope is None:
        return (
            f"{said}, and within the factor of about {factor:.1f} to which the schedule gives λ "
            "the estimate changes its sign"
        )
    moved = math.exp(SCHEDULE_ERROR * abs(e.slope))
    return (
        f"{said}, and λ from the schedule, known to a factor of about {factor:.1f}, moves the "
        f"estimate by a factor of {moved:.1f}"
    )


def _healthy(e: Evidence) -> str:
    if e.loss.varies:
        return (
            "Leave-one-out on squared error needs no noise model; the estimated noise variance is "
            f"{e.t_alo:.3g}, and soft rank/n is to be multiplied by it."
        )
    what = "At its minimum and neither" if e.pure_weight_decay else "Neither"
    return (
        f"{what} over- nor under-confident: leave-one-out logits want a temperature of "
        f"{e.t_alo:.2f}, TIC is {e.tic / e.soft_rank:.2f} of the soft rank."
    )


def _over_confident(e: Evidence) -> str:
    if e.t_alo >= HIGHEST:
        return (
            "Leave-one-out logits are worth no more than equal probabilities for all classes "
            f"(they want a temperature beyond {HIGHEST:.0f}): the network learnt nothing that "
            "carries over to an example it did not see, and no estimate of its gap was tried there."
        )
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
    if loss.varies:
        return "assumes noise variance 1"
    if t_alo < SOFT_RANK_HIGH:
        return (
            f"typically 2.6 times too high on networks this under-confident (T = {t_alo:.2f} < "
            f"{SOFT_RANK_HIGH})"
        )
    return ""
