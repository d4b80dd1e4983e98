"""Nearest points of the decision boundary: linearised steps, root search, monotone refinement.

For a point x of class c the search returns a point z of another class as close to x as it finds.
Every accepted z was classified by the network itself, so ‖z − x‖ is an upper bound on the true
margin whatever the steps were (docs/mathematics.md, section 4). The steps follow DeepFool
(Moosavi-Dezfooli et al. 2016), one search for every target class, plus segments to the nearest
training points of other classes; refinement moves z to the point of the linearised boundary
closest to x and keeps it only if the network agrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from minimascope.boundary.class_map import ClassMap
from minimascope.boundary.segments import towards

NormName = Literal["l2", "linf"]
_LINEARISED_STEPS = 20
_OVERSHOOT = 1.02


def length(delta: Tensor, norm: NormName) -> Tensor:
    """‖δ‖ over the last dimension."""
    return torch.linalg.vector_norm(delta, ord=2 if norm == "l2" else torch.inf, dim=-1)


def smallest_step(slope: Tensor, amount: Tensor, norm: NormName) -> Tensor:
    """The smallest δ (m, d) in the norm with slope·δ = amount; 0 where the slope vanishes."""
    if norm == "l2":
        weight, direction = slope.square().sum(dim=1), slope
    else:
        weight, direction = slope.abs().sum(dim=1), slope.sign()
    scale = torch.where(weight > 0, amount / weight, torch.zeros_like(amount))
    return scale[:, None] * direction


def linearised_ends(
    surface: ClassMap, x: Tensor, own: Tensor, target: Tensor, norm: NormName
) -> Tensor:
    """Linearised steps from x (m, d) towards f_own = f_target until the class changes.

    Rows that never change class are NaN.
    """
    z, done = x.clone(), torch.zeros_like(own, dtype=torch.bool)
    for _ in range(_LINEARISED_STEPS):
        active = (~done).nonzero()[:, 0]
        if not len(active):
            break
        gap, slope = surface.difference(z[active], own[active], target[active])
        step = smallest_step(slope, -_OVERSHOOT * gap, norm)
        z[active] = z[active] + step
        done[active] = surface.classes(z[active]) != own[active]
    usable = done & z.isfinite().all(dim=1)
    return torch.where(usable[:, None], z, torch.nan)


def first_change(
    surface: ClassMap, x: Tensor, z: Tensor, own: Tensor, *, samples: int
) -> tuple[Tensor, Tensor]:
    """The first of `samples` points on the segment x → z whose class is not `own`, its lead."""
    fractions = torch.linspace(1 / samples, 1, samples, dtype=x.dtype, device=x.device)
    points = x[:, None] + fractions[:, None] * (z - x)[:, None]
    leads = surface.lead(points.flatten(0, 1), own.repeat_interleave(samples)).view(-1, samples)
    changed = leads < 0
    first = torch.where(changed.any(dim=1), changed.int().argmax(dim=1), samples - 1)
    rows = torch.arange(len(x), device=x.device)
    return points[rows, first], leads[rows, first]


@dataclass
class Refinement:
    """Monotone improvement of ends z (m, d) of class ≠ own towards x.

    Each round proposes points at distance (1 − shrink)‖z − x‖: along the closest point of the
    linearised boundary, damped versions of it, and random turns of it. The proposal deepest in
    another class is moved towards the boundary, so the distance never grows.
    """

    surface: ClassMap
    norm: NormName
    generator: torch.Generator
    turns: int

    def round(
        self, x: Tensor, z: Tensor, own: Tensor, *, at_x: Tensor, spread: float, shrink: float
    ) -> Tensor:
        """One round; rows without an improving proposal keep their z. `at_x` (m,) is x's lead."""
        proposals = self._proposals(x, z, own, spread)
        radius = length(z - x, self.norm) * (1 - shrink)
        return self.accept(x, z, own, proposals, radius[:, None], at_x=at_x)

    def accept(
        self,
        x: Tensor,
        z: Tensor,
        own: Tensor,
        directions: Tensor,
        radius: Tensor,
        *,
        at_x: Tensor,
    ) -> Tensor:
        """Tries x + radius·direction (m, q, d), shortens the deepest one that changed class."""
        sizes = length(directions, self.norm).clamp_min(torch.finfo(x.dtype).tiny)
        points = x[:, None] + directions * (radius / sizes)[..., None]
        q = points.shape[1]
        lead = self.surface.lead(points.flatten(0, 1), own.repeat_interleave(q)).view(-1, q)
        deepest, best = lead.min(dim=1)
        rows = (deepest < 0).nonzero()[:, 0]
        result = z.clone()
        if len(rows):
            end = points[rows, best[rows]]
            leads = {"at_x": at_x[rows], "at_z": deepest[rows]}
            result[rows] = towards(self.surface, x[rows], end, own[rows], **leads)
        return result

    def _proposals(self, x: Tensor, z: Tensor, own: Tensor, spread: float) -> Tensor:
        gap, slope = self.surface.difference(z, own, torch.full_like(own, -1))
        # On the linearised boundary: slope·(y − z) = −gap, with y − x the smallest such step.
        amount = (slope * (z - x)).sum(dim=1) - gap
        closest = smallest_step(slope, amount, self.norm)
        straight = z - x
        closest = torch.where((closest.isfinite().all(dim=1))[:, None], closest, straight)
        damped = [straight + share * (closest - straight) for share in (1.0, 0.3, 0.1, 0.03)]
        size = length(straight, "l2") / x.shape[1] ** 0.5
        noise = torch.randn(
            (len(x), self.turns, x.shape[1]), generator=self.generator, dtype=torch.float64
        ).to(x)
        turned = straight[:, None] + spread * size[:, None, None] * noise
        return torch.cat([torch.stack(damped, dim=1), turned], dim=1)


def probe_ball(
    refinement: Refinement,
    x: Tensor,
    z: Tensor,
    own: Tensor,
    *,
    at_x: Tensor,
    directions: int,
) -> Tensor:
    """Looks for a closer class change in random directions, half of them inside the ball.

    Worth it for low-dimensional inputs only: it finds pieces of boundary no slope points to.
    """
    shape = (len(x), directions, x.shape[1])
    noise = torch.randn(shape, generator=refinement.generator, dtype=torch.float64).to(x)
    share = torch.rand(shape[:2], generator=refinement.generator, dtype=torch.float64).to(x)
    share[:, ::2] = 1
    radius = length(z - x, refinement.norm)[:, None] * (1 - 1e-4) * share
    return refinement.accept(x, z, own, noise, radius, at_x=at_x)
