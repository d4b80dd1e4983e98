"""Examples that are copies of one original, as augmentation makes them: left out together.

The objective is the mean over all copies; the loss that people ask for is that of the first copy of
each original, which stands for it as it is.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum

Units = dict[int, Tensor]  # by number of copies c: rows of examples (u × c)


def units_of(minimum: Minimum) -> Units:
    """What is left out together; every example alone where there are no copies."""
    device = minimum.inputs.device
    if minimum.groups is None:
        return {1: torch.arange(minimum.n, device=device)[:, None]}
    inverse, counts = _numbered(minimum.groups)
    rows = torch.argsort(inverse, stable=True)
    starts = counts.cumsum(0) - counts
    found: Units = {}
    for copies in sorted(set(counts.tolist())):
        first = starts[counts == copies]
        found[copies] = rows[first[:, None] + torch.arange(copies, device=rows.device)].to(device)
    return found


def originals(minimum: Minimum) -> Tensor:
    """Row of the first copy of each original, in the order of `units_of`; all where no copies."""
    return torch.cat([rows[:, 0] for rows in units_of(minimum).values()])


def alone(minimum: Minimum, rows: Tensor) -> Minimum:
    """Some examples, each standing for itself."""
    return replace(minimum.subset(rows), groups=None)


def in_rows(minimum: Minimum, values: Tensor) -> Tensor:
    """(n,) from values of the originals; NaN where an example is a copy of another."""
    if minimum.groups is None:
        return values
    found = values.new_full((minimum.n,), torch.nan)
    return found.index_put((originals(minimum).to(values.device),), values)


def _numbered(groups: Tensor) -> tuple[Tensor, Tensor]:
    _, inverse, counts = torch.unique(groups, return_inverse=True, return_counts=True)
    return inverse, counts
