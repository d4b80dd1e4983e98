"""Top eigenpairs of the GGN, taken out of everything iterative that follows (deflation).

For pairs GV = VE + R with R ⊥ V the inverse is V(E+λ)⁻¹Vᵀ + P(PGP+λ)⁻¹P, P = I − VVᵀ, but for the
cross term R: relative to xᵀA⁻¹x it costs at most η/(1−η), η = ‖R‖/√((e+λ)λ). Pairs are kept while
η stays below `accuracy` at the smallest λ asked for, so one deflation serves every λ. Outside V
the condition number falls from (λ₁+λ)/λ to (e_{k+1}+λ)/λ. (Nicolaides 1987; Gaul et al. 2013.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from minimascope.curvature.products.ggn_product import Product
from minimascope.curvature.products.long_sums import inner, norms, outside

EXHAUSTED = 1e-12


@dataclass(frozen=True)
class Deflation:
    """Eigenvalues (k,) and orthonormal eigenvectors (k × p); products spent on them."""

    values: Tensor
    vectors: Tensor
    products: int

    def outside(self, X: Tensor) -> Tensor:
        """P x for the rows of X (b × p)."""
        return outside(self.vectors, X)

    def product(self, product: Product) -> Product:
        """The map V (c × p) ↦ V·P GGN, for rows outside the known pairs."""

        def deflated(V: Tensor) -> Tensor:
            return self.outside(product(V))

        return deflated if self.values.numel() else product

    def quadratic(self, X: Tensor, lambdas: Tensor) -> Tensor:
        """xᵀV(E + λ)⁻¹Vᵀx of the rows of X, float64 (L × b)."""
        inside = inner(X, self.vectors).double()
        ridge = lambdas.to(inside)[:, None, None]
        return (inside.square() / (self.values.double() + ridge)).sum(dim=2)


def top_pairs(
    product: Product,
    start: Tensor,
    *,
    count: int,
    steps: int,
    smallest_lambda: float,
    accuracy: float,
) -> Deflation:
    """Up to `count` pairs from one Lanczos run of at most `steps` products, fully orthogonal.

    start (p,); memory `steps` vectors, one more product a pair to measure its residual. Fewer
    pairs, or none, where fewer are known well enough.
    """
    basis, T = _lanczos(product, start, steps)
    e, coefficients = torch.linalg.eigh(T)
    keep = e.flip(0)[:count].clamp_min(0)
    vectors = coefficients.flip(1)[:, :count].mT @ basis
    del basis
    images = product(vectors) if vectors.numel() else vectors
    squares = (images - keep[:, None] * vectors).square().sum(dim=1)
    # ‖R‖² is at most the sum of squares over the kept pairs; the smallest e is the last one.
    worst = (squares.cumsum(0) / ((keep + smallest_lambda) * smallest_lambda)).sqrt()
    good = int((worst <= accuracy).cumprod(0).sum())
    return Deflation(keep[:good], vectors[:good].clone(), T.shape[0] + vectors.shape[0])


def _lanczos(product: Product, start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Orthonormal basis (s × p) of the Krylov space and the projected matrix (s × s)."""
    basis = start.new_empty(steps, start.shape[0])
    T = start.new_zeros(steps, steps)
    vector = start / norms(start[None])[0]
    for step in range(steps):
        basis[step] = vector
        image = product(vector[None])[0]
        T[step, step] = inner(image[None], vector[None])[0, 0]
        for _ in range(2):  # twice is enough
            image = outside(basis[: step + 1], image[None])[0]
        norm = norms(image[None])[0]
        if step + 1 == steps or float(norm) <= EXHAUSTED * float(T[0, 0].abs() + norm):
            return basis[: step + 1], T[: step + 1, : step + 1]
        T[step, step + 1] = T[step + 1, step] = norm
        vector = image / norm
    return basis[:0], T[:0, :0]
