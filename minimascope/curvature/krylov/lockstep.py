"""Lanczos chains in lockstep, one a start vector, and functions of the matrix seen from there.

Three-term recurrence. Without reorthogonalisation memory stays at three vectors a chain, and for
quadratic forms and solutions the loss of orthogonality only repeats nodes (Golub & Meurant,
Matrices, Moments and Quadrature, 2010; Greenbaum 1989). With it every chain keeps its basis, and
no node is repeated. One run serves every function of the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from minimascope.curvature.krylov.block import zero_level
from minimascope.curvature.krylov.gauss import gauss_rules, gauss_weights
from minimascope.curvature.products.long_sums import norms, outside

Product = Callable[[Tensor], Tensor]  # of (b × p) rows
EXHAUSTED = 1e-8  # without reorthogonalisation


@dataclass
class LanczosRuns:
    """State of b recurrences; vectors b × p in the product's precision, numbers (b,) in float64.

    norms: of the start vectors. known: orthonormal rows (r × p) outside of which everything
    happens. basis: b × steps × p where chains are reorthogonalised. exhausted: every Krylov space
    is complete. A space that ends before the others is cut off by a coupling
    of 0, and what follows has no weight.
    """

    product: Product
    norms: Tensor
    current: Tensor
    previous: Tensor
    known: Tensor | None = None
    basis: Tensor | None = None
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
        if self.below:  # first: this order repeats nodes latest (Paige, 1976)
            image = image - self.below[-1].to(image)[:, None] * self.previous
        a = (image * self.current).sum(dim=1)
        image = image - a[:, None] * self.current
        if self.known is not None:
            image = outside(self.known, image)
        if self.basis is not None:
            self.basis[:, self.steps] = self.current
            image = _outside_each(self.basis[:, : self.steps + 1], image)
        b = norms(image)
        self.diagonal.append(a.double())
        largest = torch.stack(self.diagonal).abs().amax(dim=0)
        ended = b.double() <= (self._level * largest).clamp_min(smallest(b))
        self.below.append(torch.where(ended, 0.0, b.double()))
        self.previous = self.current
        self.current = torch.where(ended[:, None], 0.0, image / torch.where(ended, 1.0, b)[:, None])
        self.exhausted = bool(ended.all())

    @property
    def _level(self) -> float:
        """Of the largest coefficient: below it a coupling is rounding."""
        return EXHAUSTED if self.basis is None else zero_level(self.current.dtype)

    def rules(self) -> tuple[Tensor, Tensor]:
        """Nodes and eigenvectors of `gauss_rules`."""
        diagonal = torch.stack(self.diagonal, dim=1)
        return gauss_rules(diagonal, torch.stack(self.below, dim=1)[:, :-1])

    def nodes(self) -> tuple[Tensor, Tensor]:
        """The same where no eigenvalue of the matrix is negative: nodes are at least 0."""
        values, vectors = self.rules()
        return values.clamp_min(0), vectors

    def weights(self, vectors: Tensor) -> Tensor:
        """‖x‖² times the rule's weights (b × s): the measure of the start vector."""
        return gauss_weights(vectors) * self.norms.square()[:, None]

    def quadratic(self, lambdas: Tensor) -> Tensor:
        """xᵀ(M + λI)⁻¹x (L × b), a lower bound that grows with the steps."""
        values, vectors = self.nodes()
        return (self.weights(vectors) / (values + lambdas.to(values)[:, None, None])).sum(dim=2)

    def image_of_solution(self, images: Tensor, lambdas: Tensor) -> Tensor:
        """F (M + λI)⁻¹x (L × b × K) where images (b × K × s) hold F times each Lanczos vector."""
        values, vectors = self.nodes()
        seen = images.to(vectors) @ vectors * (vectors[:, 0] * self.norms[:, None])[:, None]
        return torch.stack([(seen / (values + x)[:, None]).sum(dim=2) for x in lambdas.tolist()])

    def image_of_function(self, images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """F f(M)x (b × K) likewise, of a function of the eigenvalues."""
        values, vectors = self.nodes()
        seen = images.to(vectors) @ vectors * (vectors[:, 0] * self.norms[:, None])[:, None]
        return (seen * function(values)[:, None]).sum(dim=2)


def begin(
    product: Product, X: Tensor, *, known: Tensor | None = None, reorthogonalised: int = 0
) -> LanczosRuns:
    """Recurrences started at the rows of X (b × p), all of it outside `known` rows (r × p).

    Their vectors are kept for at most so many steps and every new one made orthogonal to them; 0
    keeps none.
    """
    X = X if known is None else outside(known, X)
    lengths = norms(X)
    lengths = torch.where(lengths > smallest(X), lengths, 0.0)
    unit = torch.where(lengths[:, None] > 0, X / lengths[:, None].clamp_min(smallest(X)), 0.0)
    basis = X.new_empty(X.shape[0], reorthogonalised, X.shape[1]) if reorthogonalised else None
    return LanczosRuns(product, lengths.double(), unit, torch.zeros_like(unit), known, basis)


def smallest(like: Tensor) -> float:
    """Norms whose square underflows count as 0."""
    return math.sqrt(torch.finfo(like.dtype).tiny)


def _outside_each(bases: Tensor, rows: Tensor) -> Tensor:
    """What basis k (s × p) leaves of row k: rounding, which the recurrence does not take out."""
    inside = torch.bmm(bases, rows[:, :, None])
    return rows - torch.bmm(inside.mT, bases)[:, 0]
