"""Whether the checkpoint is a minimum at all."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class MinimumSummary(Section):
    """Is this a minimum of L + (λ/2)‖θ‖² at all (docs/mathematics.md, section 3)?"""

    weight_decay: float | None
    lambda_eff: float | None
    lambda_source: str = ""
    gradient_norm: float | None
    regularized_gradient_norm: float | None
    newton_decrement: float | None
    is_minimum: bool | None
