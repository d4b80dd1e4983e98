"""What a network is worth where every position of a sequence has a label: some sequences at a time.

All at once the logits of 32 sequences of 256 tokens and 50,257 words would be 3 GB.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.contract.report import SplitSummary
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.tokens import TokenCrossEntropy

LOGITS_AT_ONCE = 2**25


def positions_summary(
    minimum: Minimum, loss: TokenCrossEntropy, inputs: Tensor, targets: Tensor
) -> SplitSummary:
    """As `split_summary`: the mean over labels that count, and the share of them that is right."""
    loss, counted = loss.of_data(targets), loss.counts(targets)
    total, right, done, size = 0.0, 0, 0, 1
    while done < len(inputs):
        part = slice(done, done + size)
        with torch.no_grad():
            logits = minimum.network(inputs[part])
        total += float(loss.values(logits.flatten(1), targets[part]).double().sum())
        right += int(((logits.argmax(2) == targets[part]) & counted[part]).sum())
        done += size
        size = max(1, LOGITS_AT_ONCE // logits[0].numel())
    n = len(inputs)
    return SplitSummary(n=n, loss=total / n, accuracy=right / int(counted.sum()))
