"""Which parameters were trained: the rest are constants, with no part in θ."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from minimascope.objective.penalty import fits_any, refuse_idle


def train_only(network: nn.Module, patterns: Sequence[str]) -> None:
    """Parameters that fit no pattern are frozen; those that fit one count as trained.

    Raises ValueError where a pattern fits no parameter, or nothing is left to train.
    """
    named = dict(network.named_parameters())
    for pattern in patterns:
        refuse_idle("trainable", pattern, named)
    if not patterns:
        raise ValueError("trainable: no pattern was given, so nothing would be left to train.")
    for name, parameter in named.items():
        parameter.requires_grad_(fits_any(name, *patterns))
