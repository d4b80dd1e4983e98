"""Radii about points within which the network is proved to put every input in their class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.bounds import NUMBERS, Bounds, Inner
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.region import Region

ROUNDS = 10
LEAST = 1e-3  # of the largest radius tried: below, nothing is said
FINE = 14  # rounds of the few points that decide the smallest margin
_FORMS = 64  # pulled back together, at least
_MOST = 256  # points bounded together

Progress = Callable[[float], None]


def _silent(_done: float) -> None:
    """Nobody listens."""


@dataclass(frozen=True, eq=False)
class Points:
    """Inputs x (n, *shape), float64 on the CPU, with their classes own (n,)."""

    x: Tensor
    own: Tensor

    def some(self, rows: Tensor) -> Points:
        """Some of them."""
        return Points(self.x[rows], self.own[rows])


def together(graph: Graph) -> int:
    """Points bounded at a time, so that their forms fit into `NUMBERS`."""
    widest = max(math.prod(graph.shape_of(value)) for value in range(len(graph.steps) + 1))
    return max(1, min(_MOST, NUMBERS // (2 * widest * _FORMS)))


def _some_at_a_time(graph: Graph, count: int) -> list[Tensor]:
    size = together(graph)
    return [torch.arange(k, min(k + size, count)) for k in range(0, count, size)]


def of_one_class(
    graph: Graph, points: Points, radius: Tensor, norm: NormName, *, inner: Inner
) -> Tensor:
    """Whether each ball of radius (n,) is proved to be of its centre's class (n,)."""
    proved: list[Tensor] = []
    for rows in _some_at_a_time(graph, len(points.x)):
        region = Region.ball(points.x[rows], radius[rows], norm)
        leads = Bounds(graph, region, inner=inner).leads(points.own[rows])
        proved.append((leads > 0).all(dim=1))
    return torch.cat(proved) if proved else torch.zeros(0, dtype=torch.bool)


def certified_radii(
    graph: Graph,
    points: Points,
    most: Tensor,
    norm: NormName,
    *,
    inner: Inner = "relaxed",
    rounds: int = ROUNDS,
    progress: Progress = _silent,
) -> Tensor:
    """The largest radii (n,) below `most` (n,) that were proved, by bisection of their logarithm.

    To a factor LEAST^(2^−rounds): 0.993 for 10 rounds. 0 where not even LEAST · most was proved.
    """
    parts: list[Tensor] = []
    cuts = _some_at_a_time(graph, len(points.x))
    for index, rows in enumerate(cuts):
        some, limit = points.some(rows), most[rows]
        best, at, step = torch.zeros_like(limit), torch.full_like(limit, 0.5), 0.25
        for _ in range(rounds):
            radius = limit * LEAST ** (1 - at)
            proved = of_one_class(graph, some, radius, norm, inner=inner)
            best = torch.where(proved, torch.maximum(best, radius), best)
            at, step = at + torch.where(proved, step, -step), step / 2
        parts.append(best)
        progress((index + 1) / len(cuts))
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def radii_at_least(
    graph: Graph,
    points: Points,
    radius: float,
    norm: NormName,
    *,
    relaxed: int,
    progress: Progress = _silent,
) -> Tensor:
    """Lower bounds (n,) of all margins, as good as the smallest one needs: at most `radius`.

    Each ball of `radius` is tried with quick bounds, then with relaxed ones, and only the few
    that fail are bisected. `relaxed` is how many relaxed bounds this may take; points for which
    none are left are bisected with quick ones.
    """
    n = len(points.x)
    found = torch.full((n,), radius, dtype=torch.float64)
    proved = of_one_class(graph, points, found, norm, inner="stepwise")
    progress(0.2)
    open_ = (~proved).nonzero()[:, 0]
    tried = open_[:relaxed]
    proved[tried] = of_one_class(graph, points.some(tried), found[tried], norm, inner="relaxed")
    progress(0.6)
    open_ = (~proved).nonzero()[:, 0]
    fine = open_[: max(0, relaxed - len(tried)) // FINE]
    rest = open_[len(fine) :]
    pairs: tuple[tuple[Tensor, Inner], ...] = ((fine, "relaxed"), (rest, "stepwise"))
    for rows, inner in pairs:
        limit = found[rows]
        found[rows] = certified_radii(
            graph, points.some(rows), limit, norm, inner=inner, rounds=FINE
        )
    progress(1.0)
    return found
