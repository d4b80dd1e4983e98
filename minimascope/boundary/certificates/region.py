"""Where a bound holds: balls in either norm and boxes, about n points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.boundary.boundary_search import NormName
from minimascope.boundary.certificates.rounding import dot, gamma, outward


@dataclass(frozen=True, eq=False)
class Region:
    """About each of `centre` (n, *shape) the inputs within `half` (n, *shape) of it, per axis.

    With `radius` (n,) only those of them in the ℓ₂ ball of that radius.
    """

    centre: Tensor
    half: Tensor
    radius: Tensor | None = None

    @classmethod
    def ball(cls, centre: Tensor, radius: Tensor, norm: NormName) -> Region:
        """The balls of radii (n,) in a norm."""
        half = radius.view(-1, *[1] * (centre.ndim - 1)).expand_as(centre)
        return cls(centre, half, radius if norm == "l2" else None)

    def box(self) -> tuple[Tensor, Tensor]:
        """The interval of every input number, rounding included."""
        return outward(self.centre - self.half, self.centre + self.half)

    def lowest(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        """The least values (n, s) of linear forms (1 or n, s, *shape), and what rounding may add.

        Over an ℓ₂ ball a form falls by its ℓ₂ norm times the radius, over a box by its absolute
        values times the half-widths: norms dual to the region's own.
        """
        if self.radius is not None:
            spread = torch.linalg.vector_norm(forms.flatten(2), dim=2) * self.radius[:, None]
        else:
            spread = dot(forms.abs(), self.half)
        total = dot(forms.abs(), self.centre.abs()) + spread
        least = dot(forms, self.centre) - spread
        return least, gamma(self.centre[0].numel()) * total
