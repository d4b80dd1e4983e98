"""The outcome of the generalization-gap analysis, field by field as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from minimascope.curvature.gap.calibrated import Coverage
from minimascope.curvature.gap.checks import Check
from minimascope.curvature.gap.interval import Interval
from minimascope.curvature.gap.verdict import Verdict


class GapEstimate(NamedTuple):
    """A number in nats, with a standard error where it is a mean over a sample.

    ALO and TIC are means over training examples, a sample of those there could have been even
    where every one of them was computed; `method` says which. None: exact, or unknown.
    """

    value: float | None
    standard_error: float | None = None
    method: str = ""


class GapHeadline(NamedTuple):
    """The one number shown, in plain NLL, with its 50% and 90% interval and what it is made of.

    sigma: standard deviation of log(gap/value) beyond `scatter`, that of the gap of one training
    set; coverage: how often such intervals held.
    """

    name: str
    method: str
    value: float
    half: Interval
    ninety: Interval
    sigma: float
    scatter: float
    coverage: Coverage


class GapPlan(NamedTuple):
    """Wall seconds planned for the sweep over λ and taken; GGN products where matrix-free."""

    seconds: float
    actual_seconds: float
    actual_products: int | None


@dataclass(frozen=True)
class GapResult:
    """Maps one to one onto the report's `gap` and `minimum` sections.

    curves       "lambda" and the names of the report: soft ranks not divided by n, others nats
    measured     in plain NLL, as the headline; estimates has both in the loss trained if another
    train_loss   (n,) nats of plain NLL; alo_loss (n,) left out at λ_eff, None if unknown or sampled
    moved_loss   (n,) alo_loss, where that rises most from the network moved to θ + δθ_i
    gradient_left, pull  ∇L + Pθ and Pθ (p,)
    calibration  (15 × 3) count, mean confidence, accuracy; NaN where a bin is empty;
                 calibration_alo the same on leave-one-out logits; both None for mse
    at_least     all that is said where there is no headline, None where not even that
    converged    ‖∇L + Pθ‖ < 0.05 ‖Pθ‖, gradient_share that quotient; None without a penalty
    """

    lambda_: float | None
    lambda_source: str
    headline: GapHeadline | None
    at_least: float | None
    verdict: Verdict
    reason: str
    checks: list[Check]
    estimates: dict[str, GapEstimate]
    curves: dict[str, list[float | None]]
    measured: GapEstimate | None
    diagnostics: dict[str, float | None]
    baselines: dict[str, float | None]
    weight_decay: float | None
    gradient_left: Tensor
    pull: Tensor
    gradient_norm: float
    regularized_gradient_norm: float | None
    newton_decrement: float | None
    gradient_share: float | None
    converged: bool | None
    train_loss: Tensor
    alo_loss: Tensor | None
    moved_loss: Tensor | None
    calibration: Tensor | None
    calibration_alo: Tensor | None
    route: str
    route_reason: str
    plan: GapPlan
