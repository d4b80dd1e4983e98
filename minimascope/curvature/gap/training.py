"""What a person told about training beyond loss, penalty and schedule, as far as it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from minimascope.curvature.minimum.minimum import Minimum

Optimizer = Literal["sgd", "adam", "adamw", "lbfgs", "other"]
Moments = Literal["state", "gradients", "scalar"]


@dataclass(frozen=True)
class Training:
    """None for what nobody said.

    copies: whether the data hold the altered copies that training saw. moments: where Adam's
    second moments come from; None where there are none. sequences: whether each example is one of
    labels, a kind of which no interval was tried.
    """

    optimizer: Optimizer | None = None
    augmentation: bool | None = None
    copies: bool = False
    dropout: bool | None = None
    moments: Moments | None = None
    sequences: bool = False

    @classmethod
    def of(cls, minimum: Minimum) -> Self:
        """What the objective of a minimum says."""
        objective = minimum.objective
        return cls(
            objective.optimiser.name,
            objective.augmentation,
            minimum.groups is not None,
            objective.dropout,
            objective.optimiser.moments,
            minimum.loss.reads == "labels_of_positions",
        )

    @property
    def altered(self) -> bool:
        """Whether training saw inputs that this analysis does not."""
        return self.augmentation is True and not self.copies
