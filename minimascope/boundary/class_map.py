"""The trained network as a map from flattened inputs to classes, with leads and their slopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.classification import class_logits
from minimascope.curvature.minimum.batches import rows_in_cache
from minimascope.curvature.minimum.minimum import Minimum


@dataclass(frozen=True)
class ClassMap:
    """The trained network as a map from flattened inputs (m, d) to classes."""

    minimum: Minimum

    def logits(self, points: Tensor) -> Tensor:
        """Class logits (m, K) of flattened inputs; differentiable in them."""
        return class_logits(
            self.minimum.network(points.reshape(-1, *self.minimum.inputs.shape[1:]))
        )

    def _parts(self, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Consecutive chunks of tensors with a row for each of the same points (m, d), ..."""
        count = rows_in_cache(rows[0], most=8192)
        return zip(*(torch.split(each, count) for each in rows), strict=True)

    def classes(self, points: Tensor) -> Tensor:
        """Predicted classes (m,)."""
        with torch.no_grad():
            return torch.cat([self.logits(part).argmax(dim=1) for (part,) in self._parts(points)])

    def lead(self, points: Tensor, own: Tensor) -> Tensor:
        """f_own − max of the other logits (m,): negative where the class has changed."""
        with torch.no_grad():
            parts = self._parts(points, own)
            return torch.cat([_lead(self.logits(part), c) for part, c in parts])

    def difference(self, points: Tensor, own: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """f_own − f_target (m,) and its input gradient (m, d).

        A target of −1 is the largest of the other logits at that point.
        """
        values: list[Tensor] = []
        slopes: list[Tensor] = []
        for part, mine, theirs in self._parts(points, own, target):
            with torch.enable_grad():
                leaf = part.detach().requires_grad_()
                logits = self.logits(leaf)
                others = logits.detach().scatter(1, mine[:, None], -torch.inf)
                chosen = torch.where(theirs < 0, others.argmax(dim=1), theirs)
                gap = (logits.gather(1, mine[:, None]) - logits.gather(1, chosen[:, None]))[:, 0]
                (slope,) = torch.autograd.grad(gap.sum(), leaf)
            values.append(gap.detach())
            slopes.append(slope)
        return torch.cat(values), torch.cat(slopes)


def _lead(logits: Tensor, own: Tensor) -> Tensor:
    mine = logits.gather(1, own[:, None])
    return (mine - logits.scatter(1, own[:, None], -torch.inf).amax(dim=1, keepdim=True))[:, 0]
