"""Inputs as they may have been in training: scaled, or standardised, where the data are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BYTE = 255.0


@dataclass(frozen=True)
class Rescaled:
    """The same examples in other units, what was done, and what to do with the file."""

    inputs: Tensor
    said: str
    cure: str


def rescalings(inputs: Tensor) -> Iterator[Rescaled]:
    """The usual ones that change these inputs (n × ...); none for token ids."""
    if not inputs.is_floating_point() or inputs.shape[0] < 2:
        return
    low, high = float(inputs.min()), float(inputs.max())
    if low >= 0 and 1.5 < high <= BYTE:
        yield Rescaled(inputs / BYTE, "divided by 255", "Send the inputs divided by 255.")
        half = inputs / BYTE * 2 - 1
        yield Rescaled(half, "scaled to −1 … 1", "Send the inputs scaled to −1 … 1.")
    if low >= 0 and high <= 1.0:
        yield Rescaled(inputs * BYTE, "of 0 … 255", "Send the inputs times 255.")
    for dims, what in ((0, "feature"), (_channels(inputs), "channel")):
        if dims is None:
            continue
        spread = inputs.std(dim=dims, keepdim=True, correction=0)
        moved = (inputs - inputs.mean(dim=dims, keepdim=True)) / torch.where(
            spread > 0, spread, torch.ones_like(spread)
        )
        if torch.allclose(moved, inputs, rtol=1e-3, atol=1e-3):
            continue
        yield Rescaled(
            moved,
            f"standardised by {what}",
            f"Send the inputs standardised by {what} as in training.",
        )


def _channels(inputs: Tensor) -> tuple[int, ...] | None:
    """All dimensions but the channel's, of images."""
    return (0, *range(2, inputs.ndim)) if inputs.ndim >= 3 else None
