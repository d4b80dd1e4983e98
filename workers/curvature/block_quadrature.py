"""Xᵀ(M + λI)⁻¹X for every λ from one block Lanczos run (block Gauss quadrature).

Start QR of X, three-term recurrence without reorthogonalisation: for quadratic forms the loss of
orthogonality only repeats nodes (Golub & Meurant, Matrices, Moments and Quadrature, 2010), and
memory stays at three blocks. Runs many independent blocks at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from workers.curvature.ggn_product import Product

EXHAUSTED = 1e-8


@dataclass
class BlockLanczos:
    """State of b recurrences with blocks of K vectors; b × p × K each.

    exhausted: some Krylov space is complete, further steps would only add rounding noise.
    diagonal, below: the block-tridiagonal matrices, one b × K × K tensor a step.
    """

    product: Product
    start: Tensor
    current: Tensor
    previous: Tensor
    exhausted: bool = False
    diagonal: list[Tensor] = field(default_factory=list)
    below: list[Tensor] = field(default_factory=list)

    def advance(self) -> None:
        """One step: one product with every vector."""
        b, p, K = self.current.shape
        image = self.product(self.current.mT.reshape(b * K, p)).view(b, K, p).mT
        if self.below:
            image = image - self.previous @ self.below[-1].mT
        A = self.current.mT @ image
        A = 0.5 * (A + A.mT)
        self.previous, (self.current, B) = self.current, _qr(image - self.current @ A)
        self.diagonal.append(A)
        self.below.append(B)
        smallest = B.diagonal(dim1=-2, dim2=-1).abs().amin()
        largest = self.diagonal[0].abs().amax()
        self.exhausted = bool(smallest <= EXHAUSTED * largest)

    def quadratic(self, lambdas: Tensor) -> Tensor:
        """Xᵀ(M + λI)⁻¹X (L × b × K × K), a lower bound that grows with the steps."""
        eye = torch.eye(self.start.shape[-1], dtype=self.start.dtype, device=self.start.device)
        ridge = lambdas.to(self.start)[:, None, None, None] * eye
        D = self.diagonal[-1] + ridge
        for A, B in zip(self.diagonal[-2::-1], self.below[-2::-1], strict=True):
            D = A + ridge - B.mT @ torch.linalg.solve(D, B.expand_as(D))
        return self.start.mT @ torch.linalg.solve(D, self.start.expand_as(D))

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Ritz values (b × s) and weights (b × s) for blocks of one vector."""
        T = torch.diag_embed(torch.stack([A[:, 0, 0] for A in self.diagonal], dim=1))
        off = torch.stack([B[:, 0, 0] for B in self.below[:-1]], dim=1)
        T = T + torch.diag_embed(off, offset=1) + torch.diag_embed(off, offset=-1)
        values, vectors = torch.linalg.eigh(T)
        return values, vectors[:, 0].square() * self.start[:, 0].square()


def begin(product: Product, X: Tensor) -> BlockLanczos:
    """Recurrences started at X (b × p × K)."""
    current, start = _qr(X)
    return BlockLanczos(product, start, current, torch.zeros_like(current))


def _qr(X: Tensor) -> tuple[Tensor, Tensor]:
    Q, R = torch.linalg.qr(X)
    return Q, R
