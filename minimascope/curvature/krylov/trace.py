"""Trace estimates: Hutchinson outside a basis whose trace is known exactly.

tr H = tr(Q H Qᵀ) + tr((I − QᵀQ) H (I − QᵀQ)): the first part is read from the Krylov projection,
the second is estimated from random unit vectors outside the basis, so that the large eigenvalues
add no variance (Meyer, Musco, Musco and Woodruff, "Hutch++", 2021, with the Lanczos basis as its
sketch).
"""

from __future__ import annotations

from minimascope.curvature.krylov.block import Krylov, random_outside
from minimascope.curvature.products.operator import Operator

PROBES = 16


def deflated_trace(
    operator: Operator, state: Krylov, *, probes: int = PROBES, seed: int = 0
) -> tuple[float, float | None]:
    """tr H and its standard error (None where the basis is the whole space, hence exact)."""
    known = float(state.projection[: state.size, : state.size].trace())
    rest = operator.dim - state.size
    if rest == 0:
        return known, None
    if rest <= probes:  # an orthonormal basis of what is left: exact again
        vectors = random_outside(state, operator, width=rest, seed=seed)
        return known + float((vectors * operator.matmat(vectors)).sum()), None
    vectors = random_outside(state, operator, width=probes, seed=seed)
    samples = rest * (vectors * operator.matmat(vectors)).sum(1).double()
    return known + float(samples.mean()), float(samples.std()) / probes**0.5
