"""The nearest boundary point of every input: candidates, selection, refinement."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import (
    NormName,
    Refinement,
    first_change,
    length,
    linearised_ends,
    probe_ball,
)
from minimascope.boundary.class_map import ClassMap
from minimascope.boundary.segments import onto_boundary, towards
from minimascope.curvature.minimum.minimum import Minimum

_MOST_TARGETS = 9
_NEIGHBOURS = 4
_KEPT = 3
ROUNDS = 24
_PROBED_DIMENSIONS = 4
_POOL = 4096
_TURNED_DIMENSIONS = 64
_FAR = 4.0  # a candidate so many times as far as the nearest is not followed
_BEHIND = 1.1  # nor one that is so much farther after a third of the rounds
_LOOK_EVERY = 4
_GAIN = 1e-4  # ends that came less closer between two looks have arrived


@dataclass(frozen=True)
class BoundarySearch:
    """Searches chunks of points against one network; `pool` are inputs of every class."""

    surface: ClassMap
    norm: NormName
    generator: torch.Generator
    pool: Tensor
    pool_classes: Tensor

    @classmethod
    def of(cls, minimum: Minimum, *, norm: NormName, generator: torch.Generator) -> BoundarySearch:
        """A search whose pool are the first 4,096 training inputs."""
        surface, pool = ClassMap(minimum), minimum.inputs.flatten(1)[:_POOL]
        return cls(surface, norm, generator, pool, surface.classes(pool))

    def ends(self, x: Tensor, *, rounds: int = ROUNDS) -> Tensor:
        """Ends (n, d) for points x (n, d), NaN where no other class was reached."""
        if not len(x):
            return x
        own = self.surface.classes(x)
        candidates = torch.cat([self._targeted(x, own), self._paired(x, own)], dim=1)
        distances = length(candidates - x[:, None], self.norm).nan_to_num(nan=torch.inf)
        best, z = self._shortened(x, own, candidates, distances)
        refined = self._refined(best.row(x), z, best, best.row(own), rounds)
        return best.closest(refined, x, self.norm)

    def _targeted(self, x: Tensor, own: Tensor) -> Tensor:
        """Ends (n, targets, d) of linearised steps towards the other classes."""
        with torch.no_grad():
            logits = self.surface.logits(x)
        count = min(_MOST_TARGETS, logits.shape[1] - 1)
        targets = logits.scatter(1, own[:, None], -torch.inf).topk(count, dim=1).indices
        ends = linearised_ends(
            self.surface,
            x.repeat_interleave(count, dim=0),
            own.repeat_interleave(count),
            targets.flatten(),
            self.norm,
        )
        return ends.view(len(x), count, -1)

    def _paired(self, x: Tensor, own: Tensor) -> Tensor:
        """The nearest training points (n, neighbours, d) of other classes, NaN where too few."""
        distances = torch.cdist(x, self.pool)
        distances = distances.masked_fill(own[:, None] == self.pool_classes, torch.inf)
        count = min(_NEIGHBOURS, self.pool.shape[0])
        nearest = distances.topk(count, dim=1, largest=False)
        usable = nearest.values.isfinite()[..., None]
        return torch.where(usable, self.pool[nearest.indices], torch.nan)

    def _shortened(
        self, x: Tensor, own: Tensor, candidates: Tensor, distances: Tensor
    ) -> tuple[_Rows, Tensor]:
        """Moves every candidate within reach to the boundary, keeps the nearest few per point."""
        near_enough = distances <= _FAR * distances.amin(dim=1, keepdim=True)
        rows = (distances.isfinite() & near_enough).nonzero()
        owner, which = rows[:, 0], rows[:, 1]
        far = candidates[owner, which]
        # Where there are many dimensions a segment seldom crosses a thin piece of another class.
        samples = 6 if x.shape[1] > _TURNED_DIMENSIONS else 16
        near, at_z = first_change(self.surface, x[owner], far, own[owner], samples=samples)
        at_x = self.surface.lead(x, own)[owner]
        z = towards(self.surface, x[owner], near, own[owner], at_x=at_x, at_z=at_z)
        shorter = torch.full_like(distances, torch.inf)
        shorter[owner, which] = length(z - x[owner], self.norm)
        placed = torch.full_like(candidates, torch.nan)
        placed[owner, which] = z
        kept = shorter.topk(min(_KEPT, shorter.shape[1]), dim=1, largest=False)
        keep = kept.values.isfinite().nonzero()
        index = kept.indices[keep[:, 0], keep[:, 1]]
        return _Rows(keep[:, 0], len(x)), placed[keep[:, 0], index]

    def _refined(self, x: Tensor, z: Tensor, rows: _Rows, own: Tensor, rounds: int) -> Tensor:
        """Ends z (m, d) of candidates, as near to their points x (m, d) as rounds bring them."""
        if not len(x):
            return z
        z = z.clone()
        many = x.shape[1] > _TURNED_DIMENSIONS
        # Random directions rarely help where there are many dimensions.
        turns = 1 if many else 6
        refinement = Refinement(self.surface, self.norm, self.generator, turns=turns)
        at_x = self.surface.lead(x, own)
        active, before = torch.arange(len(x), device=x.device), length(z - x, self.norm)
        for index in range(rounds):
            if index and index % _LOOK_EVERY == 0:
                now = length(z - x, self.norm)
                if 3 * index >= rounds:
                    active = active[rows.leading(now, by=_BEHIND)[active]]
                if many:
                    active = active[(now < (1 - _GAIN) * before)[active]]
                before = now
            if not len(active):
                break
            points = (x[active], z[active], own[active])
            z[active] = self._round(refinement, *points, at_x[active], index=index, rounds=rounds)
        # To 1e-10 of the distance in float64, to 1e-5 in float32: well above rounding.
        tolerance = 1e-10 if x.dtype == torch.float64 else 1e-5
        best = rows.leading(length(z - x, self.norm), by=1 + 1e-4)
        z[best] = onto_boundary(self.surface, x[best], z[best], own[best], tolerance=tolerance)
        return z

    def _round(
        self,
        refinement: Refinement,
        x: Tensor,
        z: Tensor,
        own: Tensor,
        at_x: Tensor,
        *,
        index: int,
        rounds: int,
    ) -> Tensor:
        if x.shape[1] <= _PROBED_DIMENSIONS and index % 6 == 0:
            z = probe_ball(refinement, x, z, own, at_x=at_x, directions=48)
        # Random turns narrow by a factor 1000 over the rounds, as an annealing schedule.
        fade = 10 ** (-3 * index / max(rounds - 1, 1))
        return refinement.round(x, z, own, at_x=at_x, spread=0.5 * fade, shrink=1e-3 * fade)


@dataclass(frozen=True)
class _Rows:
    """Candidate rows and the point each belongs to."""

    owner: Tensor
    points: int

    def row(self, values: Tensor) -> Tensor:
        return values[self.owner]

    def leading(self, distances: Tensor, *, by: float) -> Tensor:
        """Which candidates (m,) are at most `by` times as far as the nearest of their point."""
        nearest = distances.new_full((self.points,), torch.inf)
        nearest = nearest.scatter_reduce(0, self.owner, distances, "amin")
        return distances <= by * nearest[self.owner]

    def closest(self, z: Tensor, x: Tensor, norm: NormName) -> Tensor:
        """The nearest of each point's ends (n, d), NaN for points without one."""
        nearest_first = length(z - x[self.owner], norm).argsort(stable=True)
        order = nearest_first[self.owner[nearest_first].argsort(stable=True)]
        owner = self.owner[order]
        first = torch.ones_like(owner, dtype=torch.bool)
        first[1:] = owner[1:] != owner[:-1]
        result = torch.full_like(x, torch.nan)
        result[owner[first]] = z[order[first]]
        return result
