"""What training added to the loss: ½ λ ‖θ‖², λ the optimiser's L2 weight decay.

AdamW's decoupled decay is no such penalty.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

SMALLEST_RIDGE = 1e-6


@dataclass(frozen=True)
class Ridge:
    """The same weight decay for every parameter; None where it is not known."""

    weight_decay: float | None = None

    def gradient(self, theta: Tensor) -> Tensor:
        """λθ (p,), 0 where λ is not known."""
        return (self.weight_decay or 0.0) * theta

    @property
    def stabilised(self) -> float | None:
        """λ, or 1e-6 where it is smaller: curvature alone may be singular."""
        return None if self.weight_decay is None else max(self.weight_decay, SMALLEST_RIDGE)
