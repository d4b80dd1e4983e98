"""Forward passes over any number of examples, some at a time.

All at once a small network needs 40 GB for what its layers hand on of 50,000 images of 3 × 32 × 32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum

NUMBERS_AT_ONCE = 2**18


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
