"""How long a pass through a network takes, counted and not timed.

What follows from it (how many points are searched, what is worth sharing) is then the same on
every machine and on a busy day, and so are the numbers of a report.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from typing_extensions import override  # comes with torch

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import worth_single

# One thread of an x86 core in float64, batches of 256: three networks of images and one of points
# came within 30% of these.
PRODUCT_SECONDS = 2.2e-11  # an operation of a matrix product
CONVOLUTION_SECONDS = 1.6e-10  # an operation of a convolution
NUMBER_SECONDS = 1.5e-9  # a number handed on, which is written and read
GRADIENT_PASSES = 3.0  # forward passes that a gradient of one input costs
SINGLE_SHARE = 0.35  # of what is counted: passes in float32, where pictures and searches take them
_ROWS = 4


class _Numbers(TorchDispatchMode):
    """Counts the numbers that operations hand on."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        leaves = [each for each in tree_leaves(result) if isinstance(each, Tensor)]
        if not func.is_view:
            self.count += sum(each.numel() for each in leaves)
        return result


def quick_share(minimum: Minimum) -> float:
    """What pictures, searches and ascents take of the seconds counted for float64."""
    return SINGLE_SHARE if worth_single(minimum) else 1.0


def row_seconds(minimum: Minimum) -> float:
    """Seconds of one forward pass of one input, in a batch, on one CPU thread."""
    inputs = minimum.inputs[:_ROWS]
    with torch.no_grad(), FlopCounterMode(display=False) as flops, _Numbers() as numbers:
        minimum.network(inputs)
    counts = flops.get_flop_counts().get("Global", {})  # nothing where nothing is multiplied
    convolved = sum(count for operation, count in counts.items() if "conv" in str(operation))
    seconds = NUMBER_SECONDS * numbers.count + CONVOLUTION_SECONDS * convolved
    return (seconds + PRODUCT_SECONDS * (sum(counts.values()) - convolved)) / len(inputs)
