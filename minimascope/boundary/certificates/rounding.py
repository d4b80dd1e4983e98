"""What float64 arithmetic may be wrong by, so that a bound holds for exact arithmetic.

A product sum of k terms differs from its exact value by at most γ_k = k u/(1 − k u) times the sum
of the absolute terms, in whatever order it is added up (Higham, Accuracy and Stability of
Numerical Algorithms, 2002, section 3.1; u = 2⁻⁵³). Underflow is left aside.
"""

from __future__ import annotations

from torch import Tensor

UNIT = 2.0**-53
# Operations on the result of a sum: scaling, adding a bias, a library's own last bits.
_AROUND = 64


def gamma(length: int) -> float:
    """Twice γ_k of a sum of `length` products and what is done with it."""
    return 2 * (length + _AROUND) * UNIT


def dot(forms: Tensor, values: Tensor) -> Tensor:
    """Forms (1 or n, s, *shape) at values (1 or n, *shape): (n, s)."""
    if forms.shape[0] == 1:  # one product for all points
        return values.flatten(1) @ forms.flatten(2)[0].mT
    return (forms.flatten(2) @ values.flatten(1)[..., None])[..., 0]


def outward(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """An interval widened by what its ends may be wrong by after a few operations."""
    more = 8 * UNIT * (low.abs() + high.abs())
    return low - more, high + more
