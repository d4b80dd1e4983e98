"""Losses by the names people ask for."""

from __future__ import annotations

from typing import Any

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian, TorchMse
from minimascope.objective.loss import Loss, LossName
from minimascope.objective.multilabel import MultiLabel

KINDS: dict[str, type[Loss]] = {
    kind.name: kind for kind in (CrossEntropy, Binary, MultiLabel, Gaussian, TorchMse)
}
LOSSES: dict[str, Loss] = {name: kind() for name, kind in KINDS.items()}


def loss_named(name: LossName | str, **options: Any) -> Loss:
    """The loss of this name, with what its training said (`label_smoothing`, `class_weights`, …).

    Raises ValueError for any other name, and for options that the loss cannot have.
    """
    if name not in KINDS:
        raise ValueError(f"Unknown loss {name!r}: there are {', '.join(KINDS)}.")
    try:
        return KINDS[name](**options)
    except TypeError as error:
        said = ", ".join(each.replace("_", " ") for each in options)
        raise ValueError(f"The loss {name} takes no {said}.") from error
