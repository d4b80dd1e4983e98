"""Margins to a percent where inputs have one or two numbers: the space cut into boxes.

A box that is proved to be of one class is closed; an open one is halved along every axis while it
is nearer to some point than that point's margin is known to be. What lies between a point and the
nearest box that is open or of another class is proved to be of the point's class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.bounds import Bounds
from minimascope.boundary.certificates.graph import Graph
from minimascope.boundary.certificates.radii import Points
from minimascope.boundary.certificates.region import Region

TOLERANCE = 0.01
BOXES = 30_000
_TOGETHER = 256
_DISTANCES = 2**22  # of points and boxes at once
_MORE = 1e-11  # what distances of float64 may be wrong by, many times over


@dataclass
class Cover:
    """Boxes being cut for points (n, d) whose margins are at most `upper` (n,).

    `lower` (n,) is the distance to the nearest box where a point's class may end.
    """

    graph: Graph
    points: Points
    upper: Tensor
    norm: NormName
    lower: Tensor = field(init=False)
    spent: int = 0

    def __post_init__(self) -> None:
        self.lower = torch.full_like(self.upper, torch.inf)

    def cut(self, most: int, progress: Callable[[float], None]) -> Tensor:
        """Lower bounds (n,) after at most `most` boxes."""
        x, reach = self.points.x, 1.01 * self.upper[:, None]
        ends = torch.stack([(x - reach).amin(0), (x + reach).amax(0)])
        centre, half = ends.mean(0)[None], ((ends[1] - ends[0]) / 2 * (1 + _MORE))[None]
        while len(centre):
            if self.spent + len(centre) > most:
                self._end(self._distances(centre, half), torch.ones(len(x), len(centre)) > 0)
                break
            centre, half = self._halved(centre, half, self._round(centre, half))
            progress(self.spent / most)
        return torch.minimum(self.lower, self.upper)

    def _round(self, centre: Tensor, half: Tensor) -> Tensor:
        """Bounds every box; which of them are to be halved."""
        self.spent += len(centre)
        together = max(1, min(_TOGETHER, _DISTANCES // len(self.points.x)))
        cuts = torch.arange(len(centre)).split(together)
        return torch.cat([self._bounded(centre[rows], half[rows]) for rows in cuts])

    def _bounded(self, centre: Tensor, half: Tensor) -> Tensor:
        label = self._classes(centre)
        leads = Bounds(self.graph, Region(centre, half * (1 + _MORE))).leads(label)
        proved = (leads > 0).all(dim=1)
        away = self._distances(centre, half)
        other = label != self.points.own[:, None]
        # All of a box of another class is beyond the boundary, of an open one its centre.
        reached = torch.where(proved, away, self._distances(centre, torch.zeros_like(half)))
        self.upper = torch.minimum(
            self.upper, (reached * (1 + 2 * _MORE)).masked_fill(~other, torch.inf).amin(1)
        )
        near = (away < (1 - TOLERANCE) * self.upper[:, None]).any(0)
        split = ~proved & near
        self._end(away, torch.where(proved, other, ~split))
        return split

    def _end(self, away: Tensor, where: Tensor) -> None:
        """Boxes (n, b) at distances `away` in which a point's class may end."""
        self.lower = torch.minimum(self.lower, away.masked_fill(~where, torch.inf).amin(1))

    def _classes(self, centre: Tensor) -> Tensor:
        outputs = self.graph(centre)
        return (outputs[:, 0] > 0).long() if outputs.shape[1] == 1 else outputs.argmax(1)

    def _distances(self, centre: Tensor, half: Tensor) -> Tensor:
        """From points to boxes (n, b), rounded down."""
        beyond = ((self.points.x[:, None] - centre).abs() - half).clamp_min(0)
        order = 2.0 if self.norm == "l2" else torch.inf
        return torch.linalg.vector_norm(beyond, order, dim=2) * (1 - _MORE)

    def _halved(self, centre: Tensor, half: Tensor, split: Tensor) -> tuple[Tensor, Tensor]:
        signs = torch.tensor(
            list(product((-1.0, 1.0), repeat=centre.shape[1])), dtype=torch.float64
        )
        small = half[split] / 2
        corners = centre[split][:, None] + signs * small[:, None]
        return corners.flatten(0, 1), small.repeat_interleave(len(signs), dim=0)


def covered_radii(
    graph: Graph,
    points: Points,
    upper: Tensor,
    norm: NormName,
    *,
    most: int = BOXES,
    progress: Callable[[float], None] = lambda _done: None,
) -> tuple[Tensor, int]:
    """Lower bounds (n,) of the margins of points (n, d), and the boxes bounded, `most` at most."""
    flat = Points(points.x, points.own)
    cover = Cover(graph, flat, upper.clone(), norm)
    return cover.cut(most, progress), cover.spent


def can_be_covered(inputs: int, norm: NormName) -> bool:
    """One and two numbers; four where distances are the boxes' own."""
    return inputs <= 2 or (inputs <= 4 and norm == "linf")
