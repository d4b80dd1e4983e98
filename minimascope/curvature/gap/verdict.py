"""Whether there is an estimate of the gap, and how far it is to be trusted (docs/mathematics.md).

`reliable`: the 90% interval lies within a factor two of the estimate. `uncertain`: it does not, and
is what to read. `no_estimate`: curvature at this point does not tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from minimascope.curvature.gap import calibrated
from minimascope.curvature.gap.interval import HALF, NINETY, Interval, interval, within_two
from minimascope.curvature.gap.training import Training
from minimascope.objective.metric import CONVERGED

Verdict = Literal["reliable", "uncertain", "no_estimate"]

CALM = 1.2  # leave-one-out temperature T above which SGD's estimate is divided by √(T/1.2)
LEAST_CALM = 0.5  # but not by more than 2
CLOSE = 0.1  # TIC over soft rank, below which the filter counts beside the ridge
BENT = 0.5  # losses of the best constant answer, beyond which estimates grow as their logarithm
MOST = 1.5  # such losses that an estimate may reach
WIDEST_BRACKET = 3.0  # filter over ridge above which that is what is said, together with
INTERPOLATING = 0.05  # TIC over soft rank
FARTHEST = 10.0  # filter over ridge above which there is then no estimate
SOFT_RANK_HIGH = 0.7
TRUSTED = "The 90% interval stays within a factor two of the estimate."


@dataclass(frozen=True)
class LeftOut:
    """Leave-one-out with one weighting of the curvature's directions.

    alo, tic (uncentred), soft_rank/n and scatter in nats: the rise of the plain loss, scatter the
    standard deviation of the gap of one training set around it. temperature: fitted on
    leave-one-out logits; for squared error the leave-one-out noise variance.
    """

    alo: float
    tic: float
    soft_rank: float
    temperature: float
    scatter: float


@dataclass(frozen=True)
class Evidence:
    """What the rules look at.

    ridge counts a schedule as 1/(μ + 1/T), filtered as (1 − e^(−μT))/μ, None at a minimum reached.
    gradient_share is ‖∇L + Pθ‖/‖Pθ‖, None without a penalty; scheduled: λ holds what stopping adds.
    regression: the loss has a noise variance of its own and no temperature. constant_loss: plain
    training loss of the best constant answer.
    """

    ridge: LeftOut
    filtered: LeftOut | None
    training: Training
    n: int
    gradient_share: float | None
    scheduled: bool
    regression: bool = False
    constant_loss: float = math.inf

    @property
    def converged(self) -> bool | None:
        """Whether the gradient of the penalised loss is small beside the penalty's own."""
        return None if self.gradient_share is None else self.gradient_share < CONVERGED

    @property
    def calm(self) -> float:
        """Factor ≤ 1 on over-confident networks by SGD, whose linearised logits overshoot.

        At minima and with Adam there was nothing to correct.
        """
        sgd = self.training.optimizer in ("sgd", "other", None)
        if self.regression or not sgd or self.filtered is None:
            return 1.0
        heat = max(self.ridge.temperature, 1e-300) / CALM
        return min(1.0, max(LEAST_CALM, 1 / math.sqrt(heat)))

    @property
    def leaning(self) -> float:
        """How far the estimate lies from ridge (0) to filter (1), on a scale of logarithms.

        The ridge knows residuals as they are left, the filter what examples had done on the way:
        where next to nothing is left, that is all there is. Squared error never leaned.
        """
        if self.filtered is None or self.filtered.alo <= 0 or self.regression:
            return 0.0
        return max(0.0, 1 - self.interpolation / CLOSE)

    @property
    def bracket(self) -> float:
        """Filter over ridge; 1 at a minimum reached."""
        if self.filtered is None or self.ridge.alo <= 0:
            return 1.0
        return self.filtered.alo / self.ridge.alo

    @property
    def interpolation(self) -> float:
        """TIC over soft rank: how much residual is left."""
        return self.ridge.tic / self.ridge.soft_rank if self.ridge.soft_rank > 0 else 0.0

    @property
    def apart(self) -> bool:
        """Whether the ways to count a schedule say different things, and the fit is close."""
        close = self.regression or self.interpolation < INTERPOLATING
        return close and self.bracket > WIDEST_BRACKET

    @property
    def linear(self) -> float:
        """The estimate of linearised outputs."""
        return self._between(self.ridge.alo, self.other.alo) * self.calm

    @property
    def estimate(self) -> float:
        """The headline, before anything is refused: `linear`, bent where outputs move far.

        Linearised, an output moves on and on; before a minimum estimates beyond half the loss of
        the best constant answer were too high, the more so the higher.
        """
        allowed = BENT * self.constant_loss
        if self.filtered is None or self.linear <= allowed:
            return self.linear
        return allowed * (1 + math.log(self.linear / allowed))

    @property
    def scatter(self) -> float:
        """Standard deviation of one training set's gap around it, nats."""
        found = self._between(self.ridge.scatter, self.other.scatter)
        bent = self.filtered is not None and self.linear > BENT * self.constant_loss
        return found * BENT * self.constant_loss / self.linear if bent else found

    @property
    def sigma(self) -> float:
        """Scale of log(gap/estimate) beyond scatter: wider as ridge and filter are apart."""
        return calibrated.sigma_of(self.training.optimizer, self.training.moments, self.bracket)

    @property
    def other(self) -> LeftOut:
        """The filter, or the ridge again at a minimum."""
        return self.filtered or self.ridge

    def _between(self, one: float, other: float) -> float:
        if self.leaning == 0 or other <= 0:
            return one
        return one ** (1 - self.leaning) * other**self.leaning


@dataclass(frozen=True)
class Judgement:
    """estimate, half and ninety are None together; at_least is said only where they are."""

    verdict: Verdict
    reason: str
    estimate: float | None = None
    half: Interval | None = None
    ninety: Interval | None = None
    sigma: float | None = None
    scatter: float | None = None
    at_least: float | None = None


def judge(e: Evidence) -> Judgement:
    """The verdict with its interval and its sentence, for a known λ_eff."""
    refused = _refusal(e)
    if refused is not None:
        return refused
    estimate, scatter, sigma = e.estimate, e.scatter, e.sigma
    half, ninety = (
        _read(interval(estimate, sigma=sigma, scatter=scatter, level=level), e.training)
        for level in (HALF, NINETY)
    )
    sure = within_two(ninety, estimate) and not _hidden(e)
    reason = TRUSTED if sure else _usable(e, scatter)
    verdict: Verdict = "reliable" if sure else "uncertain"
    return Judgement(verdict, reason, estimate, half, ninety, sigma, scatter)


def _read(found: Interval, training: Training) -> Interval:
    """Without the altered copies that training saw, an estimate is an upper end and no more."""
    return Interval(0.0, found.high) if training.altered else found


def _refusal(e: Evidence) -> Judgement | None:
    if not e.scheduled and e.converged is False:
        return Judgement("no_estimate", _unfinished(e))
    if e.ridge.alo <= 0:
        return Judgement(
            "no_estimate",
            "Left-out examples would cost no more than the others, so there is no gap here that "
            "curvature could see.",
        )
    if e.apart and e.bracket > FARTHEST:
        said = (
            f"The {e.n} training examples are fitted so closely that the answer depends on how "
            f"the end of training is counted: by a factor of {e.bracket:.2g} ({FARTHEST:g} "
            "allowed)."
        )
        return Judgement("no_estimate", said, at_least=_at_least(e))
    if e.estimate > MOST * e.constant_loss:
        said = (
            "Left out, examples would be predicted worse than by no network at all: "
            f"{e.estimate:.2g} nats, where the best constant answer costs {e.constant_loss:.2g}. "
            "Linearised outputs do not reach that far."
        )
        return Judgement("no_estimate", said)
    return None


def _at_least(e: Evidence) -> float | None:
    """The ridge's value, less what over-confidence may have added to it."""
    if e.regression or e.training.altered:
        return None
    return e.ridge.alo * min(1.0, CALM / max(e.ridge.temperature, 1e-300))


def _unfinished(e: Evidence) -> str:
    share = e.gradient_share or 0.0
    left = f"{share:.0%} of" if share < 10 else f"{share:.2g} times"
    return (
        "Training had not reached the minimum of its loss with weight decay (the gradient left is "
        f"{left} the decay's own, {CONVERGED:.0%} allowed), and how it ended is not known: give "
        "the optimiser with its learning rate, schedule and steps."
    )


def _hidden(e: Evidence) -> bool:
    """Whether something was told, or not told, that the interval does not know of."""
    return e.training.altered or e.training.sequences or _unknown(e) or _noisy(e)


def _unknown(e: Evidence) -> bool:
    return e.training.optimizer in ("other", None) and e.filtered is not None


def _noisy(e: Evidence) -> bool:
    return bool(e.training.dropout) and e.training.optimizer in ("sgd", "other", None)


def _usable(e: Evidence, scatter: float) -> str:
    """What keeps it from being reliable: first what was told, then what was measured."""
    if e.training.altered:
        return (
            "Training saw altered copies of the inputs that this analysis did not see, and without "
            "them the estimate was up to 13 times too high: read it as an upper end, and give the "
            "copies with their groups."
        )
    if _unknown(e):
        return (
            "The optimiser is not known and was taken for SGD; with Adam the estimate would be 4 "
            "to 13 times too low. Say which it was."
        )
    if e.training.sequences:
        return (
            "Usable with care: each example is a sequence of labels, and on networks of that kind "
            "no interval has been tried. Memorised sequences cost far more than is said here."
        )
    if _noisy(e):
        return (
            "Usable with care: with dropout by SGD intervals held the gap (67 of 70 networks), but "
            "of five as narrow as this one was off by more than a factor two."
        )
    if e.training.moments in ("gradients", "scalar"):
        return (
            "Usable, but Adam's second moments were estimated: with the optimiser's own state the "
            "interval would be narrower."
        )
    if e.apart:
        return (
            f"Usable, but the {e.n:,} training examples are fitted so closely that it matters how "
            f"the end of training is counted: by a factor of {e.bracket:.2g}, which makes the "
            "interval wide."
        )
    if NINETY.z * scatter < e.estimate * math.expm1(NINETY.t * e.sigma):
        return (
            "Usable, but estimates of this kind are off by up to a factor of "
            f"{math.exp(NINETY.t * e.sigma):.2g}, and with {e.n:,} training examples the gap "
            f"itself moves by about ±{scatter:.2g} from one training set to another."
        )
    return (
        f"Usable, but {e.n:,} training examples are few: with so many the gap itself moves by "
        f"about ±{scatter:.2g} from one training set to another."
    )


def soft_rank_note(temperature: float, *, regression: bool) -> str:
    """What to know about the soft-rank row."""
    if regression:
        return "assumes noise variance 1"
    if temperature < SOFT_RANK_HIGH:
        return (
            f"typically 2.6 times too high on networks this under-confident (T = "
            f"{temperature:.2f} < {SOFT_RANK_HIGH})"
        )
    return ""
