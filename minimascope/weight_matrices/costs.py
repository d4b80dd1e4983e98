"""What the rows of a report take, known before any number is read; loads no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCK_WIDTH, BLOCKS = 16, 8  # of the block Krylov iteration beyond the bound
SMALL = 2 * BLOCK_WIDTH * BLOCKS  # a shorter side that is never worth an iteration
OPERATIONS_A_SECOND = 4e9  # of one core in float64, a slow one
NUMBERS_A_SECOND = 4e7  # read, summed up, hashed
BOUNDS = (2048, 1024, 512, SMALL)
BOOTSTRAP_SECONDS = 0.5


def takes_all(shape: Sequence[int], all_up_to: int) -> bool:
    """Whether every singular value of a weight of this shape is computed."""
    return min(_sides(shape)) <= max(all_up_to, SMALL)


def seconds(shape: Sequence[int], *, all_up_to: int) -> float:
    """Of one row, on one core."""
    reading = math.prod(shape) / NUMBERS_A_SECOND
    if len(shape) < 2 or not math.prod(shape):
        return reading
    short, long = sorted(_sides(shape))
    if takes_all(shape, all_up_to):
        products = 2.0 * long * short**2 + 6.0 * short**3
        return reading + BOOTSTRAP_SECONDS + products / OPERATIONS_A_SECOND
    return reading + 4.0 * long * short * BLOCK_WIDTH * BLOCKS / OPERATIONS_A_SECOND


def bound_within(shapes: Sequence[Sequence[int]], budget: float) -> int:
    """The largest of BOUNDS with which all rows take at most `budget` seconds, else the least."""
    for bound in BOUNDS:
        if sum(seconds(shape, all_up_to=bound) for shape in shapes) <= budget:
            return bound
    return BOUNDS[-1]


def _sides(shape: Sequence[int]) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:])
