"""Losses by the names people ask for."""

from __future__ import annotations

from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.gaussian import Gaussian
from minimascope.objective.loss import Loss, LossName

LOSSES: dict[str, Loss] = {each.name: each for each in (CrossEntropy(), Binary(), Gaussian())}


def loss_named(name: LossName | str) -> Loss:
    """The loss of this name. Raises ValueError for any other."""
    if name not in LOSSES:
        raise ValueError(f"Unknown loss {name!r}: there are {', '.join(LOSSES)}.")
    return LOSSES[name]
