"""Intervals of 95% of first looks: of a trace from random signs, of λ₁ from a sample and others.

Means are taken with as many degrees of freedom as their squared deviations have (Satterthwaite): of
fitted networks a few examples have most of the curvature.
"""

from __future__ import annotations

from torch import Tensor

from minimascope.curvature.spectrum.intervals import Interval, half_width, parts_of_variance

# Of a sample of fewer examples than so many times tr H/λ₁, λ₁ is mostly tr H/m.
PER_RATIO = 4


def trace_interval(forms: Tensor, sizes: Tensor, total: int) -> Interval:
    """Of tr H of `total` examples, from zᵀH_g z (c, r) of c groups of `sizes` (c,) with r ≤ 2 rows
    of signs each. Two tell what is chance of signs, which stays once all examples are in."""
    weights = sizes / sizes.sum()
    means = forms.mean(dim=1)
    value = float(weights @ means)
    whole = parts_of_variance(weights, means - value)
    if forms.shape[1] == 1:
        half = half_width(float(whole.sum()), whole)
        return Interval(value, value - half, value + half)
    signs = (weights * (forms[:, 0] - forms[:, 1]) / 2).square()
    left = 1 - float(sizes.sum()) / total
    drawn = max(0.0, float(whole.sum() - signs.sum())) * left
    half = half_width(float(signs.sum()) + drawn, whole)
    if left <= 0:
        half = half_width(float(signs.sum()), signs, skewed=False)
    return Interval(value, value - half, value + half)


def top_interval(
    own: float, doubt: float, quotients: Tensor, sizes: Tensor, *, size: int, total: int
) -> Interval:
    """Of λ₁ of `total` examples, `size` of which had λ₁ = `own` up to `doubt`.

    quotients, sizes (c,): vᵀH_g v of groups of other examples, v the sample's eigenvector.
    """
    share = size / total
    if share == 1:
        return Interval(own, own - doubt, own + doubt)
    weights = sizes / sizes.sum()
    mean = float(weights @ quotients)
    squares = parts_of_variance(weights, quotients - mean)
    count = float(sizes.sum())
    beyond = max(0.0, 1 - count / (total - size))
    error = half_width(float(squares.sum()), squares)
    low = share * own + (1 - share) * (mean - beyond**0.5 * error) - doubt
    high = own + doubt + error * (count / size * (1 - share)) ** 0.5
    value = (size * own + count * mean) / (size + count)
    return Interval(min(max(value, low), high), low, high)


def examples_needed(trace: float, top: float, examples: int, total: int) -> int | None:
    """So many, where λ₁ of that few `examples`, `top`, may be mostly their trace over their number.

    `trace` is the upper end of its interval: few examples do not know it either.
    """
    if examples >= total or top <= 0:
        return None
    needed = min(total, int(PER_RATIO * trace / top) + 1)
    return needed if needed > examples else None
