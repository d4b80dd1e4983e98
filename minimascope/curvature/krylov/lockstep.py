"""Lanczos runs in lockstep, one a start vector, and functions of the matrix seen from there.

Three-term recurrence without reorthogonalisation: for quadratic forms and solutions the loss of
orthogonality only repeats nodes (Golub & Meurant, Matrices, Moments and Quadrature, 2010;
Greenbaum 1989), and memory stays at three vectors a run. One run serves every λ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from minimascope.curvature.products.ggn_product import Product
from minimascope.curvature.products.long_sums import norms

EXHAUSTED = 1e-8


@dataclass
class LanczosRuns:
    """State of b recurrences; vectors b × p in the product's precision, numbers (b,) in float64.

    norms: of the start vectors. exhausted: every Krylov space is complete. A space that ends
    before the others is cut off by a coupling of 0, and what follows has no weight.
    """

    product: Product
    norms: Tensor
    current: Tensor
    previous: Tensor
    exhausted: bool = False
    diagonal: list[Tensor] = field(default_factory=list)
    below: list[Tensor] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Products of each run so far."""
        return len(self.diagonal)

    def advance(self) -> None:
        """One step: one product with every vector."""
        image = self.product(self.current)
        if self.below:
            image = image - self.below[-1].to(image)[:, None] * self.previous
        a = (image * self.current).sum(dim=1)
        image = image - a[:, None] * self.current
        b = norms(image)
        self.diagonal.append(a.double())
        largest = torch.stack(self.diagonal).abs().amax(dim=0)
        ended = b.double() <= (EXHAUSTED * largest).clamp_min(smallest(b))
        self.below.append(torch.where(ended, 0.0, b.double()))
        self.previous = self.current
        self.current = torch.where(ended[:, None], 0.0, image / torch.where(ended, 1.0, b)[:, None])
        self.exhausted = bool(ended.all())

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Ritz values (b × s), at least 0, and eigenvectors (b × s × s) of the tridiagonals."""
        T = torch.diag_embed(torch.stack(self.diagonal, dim=1))
        off = torch.stack([*self.below[:-1]], dim=1) if self.steps > 1 else T[:, :0, 0]
        T = T + torch.diag_embed(off, offset=1) + torch.diag_embed(off, offset=-1)
        values, vectors = torch.linalg.eigh(T)
        return values.clamp_min(0), vectors

    def weights(self, vectors: Tensor) -> Tensor:
        """‖x‖² times the squared first components (b × s): the measure of the start vector."""
        return vectors[:, 0].square() * self.norms.square()[:, None]

    def quadratic(self, lambdas: Tensor) -> Tensor:
        """xᵀ(M + λI)⁻¹x (L × b), a lower bound that grows with the steps."""
        values, vectors = self.nodes()
        return (self.weights(vectors) / (values + lambdas.to(values)[:, None, None])).sum(dim=2)

    def image_of_solution(self, images: Tensor, lambdas: Tensor) -> Tensor:
        """F (M + λI)⁻¹x (L × b × K) where images (b × K × s) hold F times each Lanczos vector."""
        values, vectors = self.nodes()
        seen = images.to(vectors) @ vectors * (vectors[:, 0] * self.norms[:, None])[:, None]
        return torch.stack([(seen / (values + x)[:, None]).sum(dim=2) for x in lambdas.tolist()])


def begin(product: Product, X: Tensor) -> LanczosRuns:
    """Recurrences started at the rows of X (b × p)."""
    lengths = norms(X)
    lengths = torch.where(lengths > smallest(X), lengths, 0.0)
    unit = torch.where(lengths[:, None] > 0, X / lengths[:, None].clamp_min(smallest(X)), 0.0)
    return LanczosRuns(product, lengths.double(), unit, torch.zeros_like(unit))


def smallest(like: Tensor) -> float:
    """Norms whose square underflows count as 0."""
    return math.sqrt(torch.finfo(like.dtype).tiny)
