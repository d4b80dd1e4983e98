"""What training minimised and how, as it was told: what every number of the report rests on."""

from __future__ import annotations

from typing import Any, Literal

from minimascope.contract.objective import Link, OptimizerName, ReportedLoss
from minimascope.contract.report.sections import Section

Moments = Literal["state", "gradients", "scalar"]


class PenaltyGroup(Section):
    """Parameters with one weight decay; norms of their ∇L + Pθ and Pθ, once the gap is known."""

    name: str
    weight_decay: float
    parameters: int
    gradient_left: float | None = None
    pull: float | None = None


class Finding(Section):
    """Something that the weights say about the objective, and the parameters that would fit it."""

    sentence: str
    flags: dict[str, Any] = {}


class ObjectiveSummary(Section):
    """As told, by a person or the files; null for what nobody told. `read` says what files told.

    `learning_rate_sum` is Σ lr of all steps and `training_time` that over 1 − momentum (T). λ is
    in units of `lambda_unit`. `moments`: where Adam's second moments come from. `checked` says in
    a sentence whether the weights are a minimum of this; `findings` what else they may be.
    """

    loss: ReportedLoss = "cross_entropy"
    link: Link | None = None
    label_smoothing: float = 0.0
    class_weights: list[float] | None = None
    pos_weight: list[float] | None = None
    ignore_index: int | None = None
    example_weights: str | None = None
    penalty: list[PenaltyGroup] = []
    trained: int | None = None
    frozen: int | None = None
    optimizer: OptimizerName | None = None
    schedule: str | None = None
    lr: float | None = None
    steps: int | None = None
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    learning_rate_sum: float | None = None
    training_time: float | None = None
    moments: Moments | None = None
    lambda_reference: float | None = None
    lambda_unit: str = "weight decay"
    augmentation: bool | None = None
    copies: bool = False
    dropout: bool | None = None
    read: str | None = None
    checked: str | None = None
    findings: list[Finding] = []
