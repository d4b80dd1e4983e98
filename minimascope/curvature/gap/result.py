"""The outcome of the generalization-gap analysis, field by field as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

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
    """The one number shown, with the standard error over training examples."""

    name: str
    value: float
    standard_error: float | None


class GapPlan(NamedTuple):
    """Wall seconds planned for the sweep over λ and taken; GGN products where matrix-free."""

    seconds: float
    actual_seconds: float
    actual_products: int | None


@dataclass(frozen=True)
class GapResult:
    """Maps one to one onto the report's `gap` and `minimum` sections.

    curves       "lambda" and the names of the report: soft ranks not divided by n, others nats
    train_loss   (n,) nats; alo_loss (n,) leave-one-out loss at λ_eff, None if unknown or sampled
    calibration  (15 × 3) count, mean confidence, accuracy; NaN where a bin is empty;
                 calibration_alo the same on leave-one-out logits; both None for mse
    """

    lambda_: float | None
    lambda_source: str
    headline: GapHeadline | None
    verdict: Verdict
    reason: str
    estimates: dict[str, GapEstimate]
    curves: dict[str, list[float | None]]
    measured: GapEstimate | None
    diagnostics: dict[str, float | None]
    baselines: dict[str, float | None]
    weight_decay: float | None
    gradient_norm: float
    regularized_gradient_norm: float | None
    newton_decrement: float | None
    is_minimum: bool | None
    train_loss: Tensor
    alo_loss: Tensor | None
    calibration: Tensor | None
    calibration_alo: Tensor | None
    route: str
    route_reason: str
    plan: GapPlan
