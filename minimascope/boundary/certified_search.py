"""The search for boundary points in float32 where that is quicker, its ends certified in float64.

An end that float32 puts in another class may still be of the point's own class in float64: it is
pushed outward by as many of float32's roundings as that takes. Where that is too many, the point
is searched again in float64; so no point is lost, and every end is classified by the network as it
was given. The distance is then closed in on in float64, to the same 1e-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.class_map import ClassMap
from minimascope.boundary.nearest_boundary import ROUNDS, BoundarySearch
from minimascope.boundary.segments import onto_boundary
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.minimum.single import single

PUSHES = 12  # doublings of the push: up to 2^-11 of the distance
CLOSED = 1e-10  # of the distance, as in a search in float64


@dataclass(frozen=True)
class CertifiedSearch:
    """A search in the network's own precision, and the `rough` one before it if there is one."""

    exact: BoundarySearch
    rough: BoundarySearch | None

    @classmethod
    def of(cls, minimum: Minimum, *, norm: NormName, generator: torch.Generator) -> CertifiedSearch:
        """Both draw from the same generator."""
        quick = single(minimum)
        rough = None
        if quick is not minimum:
            rough = BoundarySearch.of(quick, norm=norm, generator=generator)
        return cls(BoundarySearch.of(minimum, norm=norm, generator=generator), rough)

    @property
    def surface(self) -> ClassMap:
        """Of the network in its own precision."""
        return self.exact.surface

    def ends(self, x: Tensor, *, rounds: int = ROUNDS) -> Tensor:
        """Ends (n, d) for points x (n, d), NaN where no other class was reached."""
        if self.rough is None:
            return self.exact.ends(x, rounds=rounds)
        found = self.rough.ends(x.float(), rounds=rounds).to(x)
        own = self.surface.classes(x) if len(x) else torch.zeros(0)
        found = self._pushed(x, found, own)
        reached = found.isfinite().all(dim=1)
        found[~reached] = self.exact.ends(x[~reached], rounds=rounds)
        closed = onto_boundary(
            self.surface, x[reached], found[reached], own[reached], tolerance=CLOSED
        )
        found[reached] = closed
        return found

    def _pushed(self, x: Tensor, ends: Tensor, own: Tensor) -> Tensor:
        """Ends of another class in float64, NaN where the push would be too long."""
        push = torch.finfo(torch.float32).eps
        left = ends.isfinite().all(dim=1).nonzero()[:, 0]
        left = left[self.surface.classes(ends[left]) == own[left]] if len(left) else left
        for _ in range(PUSHES):
            if not len(left):
                return ends
            ends[left] = x[left] + (1 + push) * (ends[left] - x[left])
            left = left[self.surface.classes(ends[left]) == own[left]]
            push *= 2
        ends[left] = torch.nan
        return ends
