"""Top eigenpairs of the GGN, taken out of everything iterative that follows (deflation).

For pairs GV = VE + R with R ⊥ V the inverse is V(E+λ)⁻¹Vᵀ + P(PGP+λ)⁻¹P, P = I − VVᵀ, but for the
cross term R: relative to xᵀA⁻¹x it costs at most η/(1−η), η = ‖R‖/√((e+λ)λ). Pairs are kept while
η stays below `accuracy` at the smallest λ asked for, so one deflation serves every λ. Outside V
the condition number falls from (λ₁+λ)/λ to (e_{k+1}+λ)/λ. (Nicolaides 1987; Gaul et al. 2013.)
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from minimascope.curvature.krylov.block import expand, krylov_space, ritz, ritz_vectors
from minimascope.curvature.products.long_sums import inner, norms
from minimascope.curvature.products.operator import Operator


@dataclass(frozen=True)
class Deflation:
    """Eigenvalues (k,) and orthonormal eigenvectors (k × p); products spent on them."""

    values: Tensor
    vectors: Tensor
    products: int

    @property
    def known(self) -> Tensor | None:
        """The eigenvectors, None where there are none."""
        return self.vectors if len(self.vectors) else None

    def quadratic(self, X: Tensor, lambdas: Tensor) -> Tensor:
        """xᵀV(E + λ)⁻¹Vᵀx of the rows of X, float64 (L × b)."""
        inside = inner(X, self.vectors).double()
        ridge = lambdas.to(inside)[:, None, None]
        return (inside.square() / (self.values.double() + ridge)).sum(dim=2)


def top_pairs(
    operator: Operator,
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
    state = krylov_space((start / norms(start[None])[0])[None], capacity=steps)
    while state.size < len(state.basis) and len(state.block):
        expand(operator, state)
    e, coordinates, _ = ritz(state)
    keep = e.flip(0)[:count].clamp_min(0).to(start)
    vectors = ritz_vectors(state, coordinates.flip(1)[:, :count])
    products = state.size + len(vectors)
    del state
    images = operator.matmat(vectors) if vectors.numel() else vectors
    squares = (images - keep[:, None] * vectors).square().sum(dim=1)
    # ‖R‖² is at most the sum of squares over the kept pairs; the smallest e is the last one.
    worst = (squares.cumsum(0) / ((keep + smallest_lambda) * smallest_lambda)).sqrt()
    good = int((worst <= accuracy).cumprod(0).sum())
    return Deflation(keep[:good], vectors[:good].clone(), products)
