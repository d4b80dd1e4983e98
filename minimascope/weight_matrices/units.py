"""Units of a layer that do nothing or the same as another: rows and columns of its weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.weight_matrices.matrix import BLOCK

SAME = 1e-6  # relative distance below which two units are one unit twice
SHOWN = 20


@dataclass(frozen=True)
class Units:
    """Rows that are zero, columns that are zero, rows equal to an earlier one (with its bias)."""

    dead: list[int]
    unread: list[int]
    copies: list[int]


def units(weight: Tensor, bias: Tensor | None) -> Units:
    """Of a weight (out × in); `bias` (out,) where the layer has one."""
    rows = max(1, BLOCK // weight.shape[1])
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn(weight.shape[1], dtype=torch.float64, generator=generator)
    sizes, places = list[Tensor](), list[Tensor]()
    reached = torch.zeros(weight.shape[1], dtype=torch.bool)
    for start in range(0, weight.shape[0], rows):
        block = weight[start : start + rows].double()
        sizes.append(block.norm(dim=1))
        places.append(block @ probe)
        reached |= (block != 0).any(dim=0)
    size, place = torch.cat(sizes), torch.cat(places)
    dead = (size == 0).nonzero().flatten().tolist()
    unread = (~reached).nonzero().flatten().tolist()
    return Units(dead, unread, _copies(weight, bias, size, place))


def _copies(weight: Tensor, bias: Tensor | None, size: Tensor, place: Tensor) -> list[int]:
    """Neighbours on a random line, compared number by number; zero rows are dead, not copies."""
    order = place.argsort(stable=True)
    close = place[order].diff().abs() <= 10 * SAME * size[order[1:]]
    found = set[int]()
    for at in (close & (size[order[1:]] > 0)).nonzero().flatten().tolist():
        first, second = sorted((int(order[at]), int(order[at + 1])))
        apart = (weight[first].double() - weight[second].double()).norm()
        if apart <= SAME * size[second] and _same_bias(bias, first, second):
            found.add(second)
    return sorted(found)


def _same_bias(bias: Tensor | None, first: int, second: int) -> bool:
    if bias is None or second >= bias.numel():
        return True
    one, other = bias.double().flatten()[[first, second]].tolist()
    return abs(one - other) <= SAME * max(abs(one), abs(other), 1e-12)
