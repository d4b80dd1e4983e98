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


@dataclass
class Budget:
    """How many balls may still be tried, with quick bounds and with relaxed ones."""

    stepwise: int
    relaxed: int

    def take(self, inner: Inner, wanted: int) -> int:
        """So many of those wanted, which are then spent."""
        left: int = getattr(self, inner)
        taken = min(left, wanted)
        setattr(self, inner, left - taken)
        return taken


def radii_at_least(
    graph: Graph,
    points: Points,
    radius: float,
    norm: NormName,
    *,
    budget: Budget,
    progress: Progress = _silent,
) -> Tensor:
    """Lower bounds (n,) of all margins, as good as the smallest one needs: at most `radius`.

    Each ball of `radius` is tried with quick bounds and, where these fail, with relaxed ones; the
    few that still fail are bisected. Where the budget ends, the radius is halved with quick bounds
    instead; 0 where nothing was proved.
    """
    n = len(points.x)
    found = torch.zeros(n, dtype=torch.float64)
    open_ = torch.arange(n)
    untried = open_[:0]
    for inner, done in (("stepwise", 0.3), ("relaxed", 0.7)):
        tried = open_[: budget.take(inner, len(open_))]
        untried = open_[len(tried) :]
        all_of = torch.full((len(tried),), radius, dtype=torch.float64)
        proved = of_one_class(graph, points.some(tried), all_of, norm, inner=inner)
        found[tried[proved]] = radius
        open_ = torch.cat([tried[~proved], untried])
        progress(done)
    fine = open_[: budget.take("relaxed", FINE * len(open_)) // FINE]
    fine = fine[: len(open_) - len(untried)]
    limit = torch.full((len(fine),), radius, dtype=torch.float64)
    found[fine] = certified_radii(graph, points.some(fine), limit, norm, rounds=FINE)
    _halve(graph, points, found, open_[len(fine) :], radius, norm, budget=budget)
    progress(1.0)
    return found


def _halve(
    graph: Graph,
    points: Points,
    found: Tensor,
    open_: Tensor,
    radius: float,
    norm: NormName,
    *,
    budget: Budget,
) -> None:
    """Fills `found` at rows `open_` with the first of radius/2, /4, … that quick bounds prove."""
    while len(open_) and radius > 0 and budget.stepwise >= len(open_):
        radius /= 2
        budget.take("stepwise", len(open_))
        tried = torch.full((len(open_),), radius, dtype=torch.float64)
        proved = of_one_class(graph, points.some(open_), tried, norm, inner="stepwise")
        found[open_[proved]] = radius
        open_ = open_[~proved]
