"""Where in the loss landscape the checkpoint stands."""

from __future__ import annotations

from minimascope.contract.report.sections import Section


class MinimumSummary(Section):
    """How far from a minimum of the penalised loss, and the λ that training amounts to.

    `gradient_share` is ‖∇L + Pθ‖/‖Pθ‖ and `converged` says that it is below 0.05; both null
    without a penalty. `newton_decrement`: the nats that training could still gain, about.
    """

    weight_decay: float | None
    lambda_eff: float | None
    lambda_source: str = ""
    gradient_norm: float | None
    regularized_gradient_norm: float | None
    newton_decrement: float | None
    gradient_share: float | None = None
    converged: bool | None = None
