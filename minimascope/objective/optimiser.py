"""How the objective was minimised, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sgd:
    """(Momentum-)SGD of constant learning rate; None for what is not known."""

    lr: float | None = None
    momentum: float | None = None
    steps: int | None = None

    @property
    def early_stopping(self) -> float | None:
        """(1 − momentum)/(lr·steps), the ridge that stopping amounts to; None where unknown."""
        if self.lr is None or self.steps is None:
            return None
        return (1 - (self.momentum or 0.0)) / (self.lr * self.steps)
