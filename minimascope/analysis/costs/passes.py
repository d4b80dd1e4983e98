"""How long a pass through a network takes, counted and not timed.

What follows from it (how many points are searched, what is worth sharing) is then the same on
every machine and on a busy day, and so are the numbers of a report.
"""

from __future__ import annotations

import torch

from minimascope.analysis.costs.counting import Counted
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


def quick_share(minimum: Minimum) -> float:
    """What pictures, searches and ascents take of the seconds counted for float64."""
    return SINGLE_SHARE if worth_single(minimum) else 1.0


def row_seconds(minimum: Minimum) -> float:
    """Seconds of one forward pass of one input, in a batch, on one CPU thread."""
    inputs = minimum.inputs[:_ROWS]
    with torch.no_grad(), Counted() as counted:
        minimum.network(inputs)
    seconds = NUMBER_SECONDS * counted.numbers + CONVOLUTION_SECONDS * counted.convolved
    return (seconds + PRODUCT_SECONDS * counted.products) / len(inputs)
