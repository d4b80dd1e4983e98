"""Forward passes over any number of examples, some at a time, and what the loss makes of them.

All at once a small network needs 40 GB for what its layers hand on of 50,000 images of 3 × 32 × 32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.objective.likelihood import Likelihood

NUMBERS_AT_ONCE = 2**18


def as_matrix(outputs: Tensor) -> Tensor:
    """Outputs as logits n × K: a network for one logit may return shape (n,)."""
    return outputs.reshape(outputs.shape[0], -1)


def rows_in_cache(inputs: Tensor, *, most: int = 4096) -> int:
    """How many of these inputs (m, ...) at a time: what layers hand on stays in the cache.

    Larger batches of images cost up to twice as much a row.
    """
    return max(64, min(most, NUMBERS_AT_ONCE // max(1, inputs[:1].numel())))


def outputs_at(minimum: Minimum, inputs: Tensor, theta: Tensor | None = None) -> Tensor:
    """The network's outputs (m, ...) at θ (default: its own), without a graph."""
    parts = inputs.split(rows_in_cache(inputs))
    with torch.no_grad():
        if theta is None:
            return torch.cat([minimum.network(part) for part in parts])
        return torch.cat([minimum.logits(theta, part) for part in parts])


def likelihood_of(minimum: Minimum, inputs: Tensor, targets: Tensor) -> Likelihood:
    """Evaluates the network on a data set and checks the targets against the loss.

    Raises ValueError where targets and outputs cannot belong to this loss, naming the value.
    """
    logits = as_matrix(outputs_at(minimum, inputs))
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("The network's outputs contain NaN or infinity on the given data.")
    minimum.loss.check_targets(logits, targets)
    return Likelihood(minimum.loss, logits, targets)
