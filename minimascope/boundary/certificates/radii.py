"""Radii about points within which the network is proved to put every input in their class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.bounds import Bounds, Inner
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.region import Region

CLOSE = 0.993  # a radius proved over one that is not: as near as they come
ROUNDS = 5  # balls that takes, as a rule
FIRST = 0.3  # of the largest radius: tried first
LEAST = 1e-3  # of the largest radius tried: below, nothing is said
FINE, FINE_ROUNDS = 0.9996, 7  # the same of the few points that decide the smallest margin
HALVED = 8  # rounds after which a bracket is only halved: bounds need not be smooth
NUMBERS = 2**24  # of the last forms of all points, where quick bounds take one pass
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
    """Points bounded at a time, so that some forms of them fit into `NUMBERS`."""
    widest = max(math.prod(graph.shape_of(value)) for value in range(len(graph.steps) + 1))
    return max(1, min(_MOST, NUMBERS // (2 * widest * _FORMS)))


def _some_at_a_time(graph: Graph, count: int) -> list[Tensor]:
    size = together(graph)
    return [torch.arange(k, min(k + size, count)) for k in range(0, count, size)]


def of_one_class(
    graph: Graph, points: Points, radius: Tensor, norm: NormName, *, inner: Inner
) -> Tensor:
    """Whether each ball of radius (n,) is proved to be of its centre's class (n,)."""
    return least_leads(graph, points, radius, norm, inner=inner) > 0


def least_leads(
    graph: Graph, points: Points, radius: Tensor, norm: NormName, *, inner: Inner
) -> Tensor:
    """How far each point's class leads all others at least, in its ball of radius (n,)."""
    found: list[Tensor] = []
    for rows in _some_at_a_time(graph, len(points.x)):
        region = Region.ball(points.x[rows], radius[rows], norm)
        leads = Bounds(graph, region, inner=inner).leads(points.own[rows])
        found.append(leads.amin(dim=1))
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)


@dataclass
class _Bracket:
    """Radii (n,) proved and not proved, the end that each replaced last, and the leads there.

    NaN where none was asked for. Leads fall nearly as a parabola does, so its root through three
    of them (inverse quadratic interpolation: Brent 1973) is soon good to a percent.
    """

    proved: Tensor
    open_: Tensor
    third: Tensor
    lead: Tensor
    lack: Tensor
    third_lead: Tensor
    least: Tensor
    close: float

    @classmethod
    def of(cls, most: Tensor, lead: Tensor, close: float) -> _Bracket:
        unknown = torch.full_like(most, torch.nan)
        nothing = torch.zeros_like(most)
        return cls(nothing, most, unknown, lead, unknown, unknown, LEAST * most, close)

    def rows(self, mask: Tensor) -> _Bracket:
        tensors = {k: v[mask] for k, v in vars(self).items() if isinstance(v, Tensor)}
        return _Bracket(**tensors, close=self.close)

    @property
    def wide(self) -> Tensor:
        return (self.proved < self.close * self.open_) & (self.open_ > self.least)

    def guess(self, *, halving: bool) -> Tensor:
        """Just below where the lead seems to be zero; beyond, where the other end is there."""
        low, high = self.proved, self.open_
        middle = (torch.maximum(low, self.least) * high).sqrt()
        root = torch.where(self._within(self._parabola()), self._parabola(), self._line())
        root = torch.where(self._within(root) & (not halving), root, middle)
        near = self.close + 0.1 * (1 - self.close)
        at = torch.where(low >= root * near, low / near, root * (1 + near) / 2)
        at = torch.where((high <= root * (2 - near)) & (low < root * near), high * near, at)
        return torch.minimum(torch.maximum(at, self.least), high * near)

    def update(self, radius: Tensor, lead: Tensor) -> None:
        """Takes in the lead at a radius."""
        proved = lead > 0
        self.third = torch.where(proved, self.proved, self.open_)
        self.third_lead = torch.where(proved, self.lead, self.lack)
        self.proved = torch.where(proved, radius, self.proved)
        self.open_ = torch.where(proved, self.open_, radius)
        self.lead = torch.where(proved, lead, self.lead)
        self.lack = torch.where(proved, self.lack, lead)

    def _line(self) -> Tensor:
        return self.proved + (self.open_ - self.proved) * self.lead / (self.lead - self.lack)

    def _parabola(self) -> Tensor:
        a, b, c = self.proved, self.open_, self.third
        f, g, h = self.lead, self.lack, self.third_lead
        terms = a * g * h / ((f - g) * (f - h)) + b * f * h / ((g - f) * (g - h))
        return terms + c * f * g / ((h - f) * (h - g))

    def _within(self, radius: Tensor) -> Tensor:
        return (radius > self.proved) & (radius < self.open_)


def certified_radii(
    graph: Graph,
    points: Points,
    most: Tensor,
    norm: NormName,
    *,
    inner: Inner = "relaxed",
    close: float = CLOSE,
    progress: Progress = _silent,
) -> Tensor:
    """The largest radii (n,) below `most` (n,) that were proved, by the root of the least lead.

    To a factor `close`. 0 where not even LEAST · most was proved.
    """
    parts: list[Tensor] = []
    cuts = _some_at_a_time(graph, len(points.x))
    for index, rows in enumerate(cuts):
        parts.append(_closed_in(graph, points.some(rows), most[rows], norm, inner, close))
        progress((index + 1) / len(cuts))
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def _closed_in(
    graph: Graph, points: Points, most: Tensor, norm: NormName, inner: Inner, close: float
) -> Tensor:
    found, left, step = torch.zeros_like(most), torch.arange(len(most)), 0
    lead = least_leads(graph, points, found, norm, inner="stepwise")
    bracket = _Bracket.of(most, lead, close)
    while len(left):
        radius = bracket.guess(halving=step >= HALVED) if step else FIRST * most
        bracket.update(radius, least_leads(graph, points.some(left), radius, norm, inner=inner))
        found[left] = bracket.proved
        wide = bracket.wide
        left, bracket, step = left[wide], bracket.rows(wide), step + 1
    return found


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
    few that still fail are closed in on. Where the budget ends, the radius is halved with quick
    bounds instead; 0 where nothing was proved.
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
    fine = open_[: budget.take("relaxed", FINE_ROUNDS * len(open_)) // FINE_ROUNDS]
    fine = fine[: len(open_) - len(untried)]
    limit = torch.full((len(fine),), radius, dtype=torch.float64)
    found[fine] = certified_radii(graph, points.some(fine), limit, norm, close=FINE)
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
