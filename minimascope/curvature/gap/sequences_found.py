"""What the gap of a language model whose logits do not stand at once is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.result import GapPlan
from minimascope.curvature.gap.sequences_left_out import SequencesLeftOut
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.token_head import TokenHead
from minimascope.curvature.running.saved_parts import Part
from minimascope.objective.metric import Metric, share_left


@dataclass(frozen=True)
class Swept:
    """What products alone gave at `lambdas` (L,): soft rank and quadratic forms as parts of a
    matrix-free run, row `row` of them at λ_eff, where sequences were left out. fisher_rao: θᵀGGNθ,
    None where some parameters are in no product."""

    lambdas: Tensor
    row: int
    rank: Part
    forms: Part
    left_out: SequencesLeftOut
    fisher_rao: float | None


@dataclass(frozen=True)
class Found:
    """Everything the result is made of. losses, test_losses (2 × n): plain and trained."""

    minimum: Minimum
    head: TokenHead | None
    metric: Metric
    gradient: Tensor
    losses: Tensor
    test_losses: Tensor | None
    hessian: KnownHessian | None
    swept: Swept | None
    plan: GapPlan

    @property
    def left(self) -> Tensor:
        """∇L + Pθ (p,)."""
        return self.metric.regularised(self.gradient, self.minimum.theta)

    @property
    def pull(self) -> Tensor:
        """Pθ (p,)."""
        return self.metric.penalty * self.minimum.theta

    @property
    def gradient_share(self) -> float | None:
        """‖∇L + Pθ‖ over ‖Pθ‖; None without a penalty."""
        return share_left(self.gradient, self.pull)

    @property
    def other_loss(self) -> bool:
        """Whether the loss trained is another than the plain one."""
        return self.minimum.loss != self.minimum.loss.plain

    def drawn(self, losses: Tensor) -> Tensor:
        """Rises (l × m) of the sequences left out from their training losses."""
        assert self.swept is not None
        return losses - self.losses[:, self.swept.left_out.examples]

    @property
    def outputs(self) -> int:
        """T·K, the logits of one sequence."""
        if self.head is not None:
            return self.head.positions * self.head.layer.out_features
        with torch.no_grad():
            return self.minimum.network(self.minimum.inputs[:1]).numel()
