"""What training minimised, and how: the mean loss, a penalty, and the optimiser's facts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.loss import Loss, LossName
from minimascope.objective.named import loss_named
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty


@dataclass(frozen=True)
class Objective:
    """Mean `loss` over the training set plus `penalty`, as `optimiser` brought it down.

    augmentation, dropout: whether training added them; None where that was not told.
    """

    loss: Loss = CrossEntropy()
    penalty: Penalty = field(default_factory=Penalty)
    optimiser: Optimiser = field(default_factory=Optimiser)
    augmentation: bool | None = None
    dropout: bool | None = None

    def of_data(self, targets: Tensor) -> Objective:
        """The same with the loss normalised for the mean over these targets (`Loss.of_data`)."""
        return replace(self, loss=self.loss.of_data(targets))


def objective_of(given: Objective | Loss | LossName) -> Objective:
    """An objective, or the one of which the loss alone is known."""
    if isinstance(given, Objective):
        return given
    return Objective(given if isinstance(given, Loss) else loss_named(given))
