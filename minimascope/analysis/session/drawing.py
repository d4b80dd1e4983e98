"""On a budget of seconds, no more examples than a pass over them leaves most of it for."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.machine.threads import one_thread_where_as_fast

PASS_SHARE = 0.03  # of the budget that one pass over the training examples may take
FEWEST, FEW, LONGEST_SHARE = 32, 2, 0.2  # or so many, and of them what this share has time for
TRIED = (4, 64)  # rows that a pass is timed on: more where few are soon done
SOON, SLOW = 0.01, 0.25  # seconds; of a network that is slow for one row, that one tells

Split = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Totals:
    """Examples of both splits that those at hand were drawn from; None where these are all."""

    train: int | None = None
    test: int | None = None


def affordable(
    minimum: Minimum, test: Split | None, seconds: float, seed: int
) -> tuple[Minimum, Split | None, Totals]:
    """The same where a pass is short; else examples drawn by the seed, and of how many."""
    few = 1 if _timed(minimum, minimum.inputs[:1]) > SLOW else TRIED[0]
    one_thread_where_as_fast(lambda: _timed(minimum, minimum.inputs[:few]))
    count = most(seconds / row_time(minimum))
    train_of, test_of = minimum.n, len(test[0]) if test is not None else 0
    if train_of > count:
        minimum = minimum.subset(_drawn(train_of, count, seed, minimum.inputs))
    if test is not None and test_of > count:
        rows = _drawn(test_of, count, seed, test[0])
        test = test[0][rows], test[1][rows]
    totals = Totals(
        train_of if train_of > count else None,
        test_of if test_of > count else None,
    )
    return minimum, test, totals


def most(rows: float) -> int:
    """Examples of a budget that has time for a pass over so many and nothing else."""
    return max(int(PASS_SHARE * rows), min(FEWEST, int(LONGEST_SHARE * rows)), FEW)


def row_time(minimum: Minimum) -> float:
    """Seconds of a forward pass of one example, timed."""
    each = _timed(minimum, minimum.inputs[:1])
    if each > SLOW:
        return each
    for count in TRIED:
        rows = minimum.inputs[:count]
        each = max(min(_timed(minimum, rows), _timed(minimum, rows)) / len(rows), 1e-9)
        if each * len(rows) > SOON:
            break
    return each


def _timed(minimum: Minimum, rows: Tensor) -> float:
    began = time.perf_counter()
    with torch.no_grad():
        float(minimum.network(rows).sum())
    return time.perf_counter() - began


def _drawn(n: int, count: int, seed: int, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(n, generator=generator)[:count].sort().values.to(like.device)
