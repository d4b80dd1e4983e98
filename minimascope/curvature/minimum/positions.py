"""What a language model makes of each position, some sequences at a time.

All at once the logits of 32 sequences of 256 tokens and 50,257 words would be 3 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.tokens import TokenCrossEntropy

LOGITS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Positions:
    """values (n,): training loss of each sequence, its share of the mean. losses (n × T): nats of
    each label, plain, NaN where none counts. likeliest (n × T): the network's own labels."""

    values: Tensor
    losses: Tensor
    likeliest: Tensor

    @property
    def counted(self) -> Tensor:
        """Which positions have a label that counts (n × T)."""
        return ~self.losses.isnan()


def positions_of(
    minimum: Minimum,
    loss: TokenCrossEntropy,
    inputs: Tensor,
    targets: Tensor,
    theta: Tensor | None = None,
) -> Positions:
    """Of inputs and their labels (n × T) at θ (default: the network's own), without a graph."""
    counted = loss.counts(targets)
    values, losses, likeliest = list[Tensor](), list[Tensor](), list[Tensor]()
    for part, logits in _logits(minimum, inputs, theta):
        values.append(loss.values(logits.flatten(1), targets[part]).double())
        labels = targets[part].masked_fill(~counted[part], 0)
        own = logits.gather(2, labels[..., None])[..., 0]
        plain = (logits.logsumexp(2) - own).masked_fill(~counted[part], torch.nan)
        losses.append(plain.float())
        likeliest.append(logits.argmax(2).int())
    return Positions(torch.cat(values), torch.cat(losses), torch.cat(likeliest))


def _logits(
    minimum: Minimum, inputs: Tensor, theta: Tensor | None
) -> Iterator[tuple[slice, Tensor]]:
    """Some sequences and their logits (m × T × K): the first alone, then as many as have room."""
    done, size = 0, 1
    while done < len(inputs):
        part = slice(done, done + size)
        with torch.no_grad():
            given = inputs[part]
            logits = minimum.network(given) if theta is None else minimum.logits(theta, given)
        yield part, logits
        done += size
        size = max(1, LOGITS_AT_ONCE // logits[0].numel())
