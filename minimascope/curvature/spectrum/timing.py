"""Seconds of a spectrum's parts on this machine: products, and the linear algebra around them."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.layout import Layout, Retain
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import coarse_hessian
from minimascope.curvature.spectrum.route import Route

CALIBRATION = 0.5  # seconds of products at most
# Of what is timed to be predicted, and seconds at the least.
SHARE, BRIEFEST = 0.05, 0.02
FEW, GROWTH = 64, 4  # examples that a product is first timed on, and how many times more next
ALGEBRA = 0.1  # seconds of each kind of linear algebra at most
STEP_SECONDS = 5e-4  # bookkeeping of a Lanczos step: Ritz values, norms, calls
EIGH_SIZE = 500  # of the timed eigenvalue problem


def algebra_seconds(route: Route, operator: Operator, *, budget: float) -> Callable[[int], float]:
    """Seconds of the linear algebra around a basis of so many vectors, on this machine; `budget`
    seconds are spent on each kind of it."""
    like = {"dtype": operator.dtype, "device": operator.device}
    tall = torch.ones(256, min(operator.dim, 20_000), **like)
    if route == "lanczos":
        # Two Gram-Schmidt passes of two sweeps each over a growing basis.
        each = _lasts(lambda: tall[:1] @ tall.T, budget) / tall.numel()
        return lambda size: 2.0 * operator.dim * size**2 * each + STEP_SECONDS * size
    side = min(operator.dim, EIGH_SIZE)
    square = torch.randn(side, side, **like)
    square = square + square.T
    eigh = _lasts(lambda: torch.linalg.eigh(square)[0], budget) / side**3
    if route == "dense":
        return lambda size: eigh * size**3
    # The passes by blocks, and Ritz vectors.
    multiply = _lasts(lambda: tall @ tall.T, budget) / (2 * 256 * tall.numel())
    return lambda size: 6.0 * operator.dim * size**2 * multiply + eigh * size**3


def seconds_on_few(
    minimum: Minimum, layout: Layout, operator: Operator, tolerance: float, *, width: int
) -> float | None:
    """Seconds of a product from as many examples as half a second is enough for.

    A product is a sum over examples. None where all of them take no longer than a few times that:
    then they are timed themselves.
    """
    retain: Retain = "always" if layout.retained else "never"
    count = FEW
    while GROWTH * count < minimum.n:
        few = minimum.subset(torch.arange(count, device=minimum.inputs.device))
        if operator.dtype == minimum.theta.dtype:
            part = hessian(few, chunk=min(layout.chunk, count), retain=retain)
        else:
            part = coarse_hessian(few, tolerance)
        seconds = seconds_per_product(part, width=width)
        if seconds * min(width, part.dim) > CALIBRATION / 2:
            return seconds * minimum.n / count
        count *= GROWTH
    return None


def calibration_seconds(each: float, products: int) -> float:
    """For how long `products` of about so many seconds each are timed."""
    return min(CALIBRATION, max(BRIEFEST, SHARE * each * products))


def seconds_per_product(operator: Operator, *, width: int, products: int = 0) -> float:
    """Seconds of one product within blocks of `width`, timed for a share of what `products` of
    them take; one block where none are said."""
    shape = (min(width, operator.dim), operator.dim)
    rows = torch.ones(*shape, dtype=operator.dtype, device=operator.device)
    operator.matmat(rows[:1])  # warm-up: first touch of kernels and memory

    def over(budget: float) -> float:
        return _lasts(lambda: operator.matmat(rows), budget) / rows.shape[0]

    each = over(0.0)
    return over(calibration_seconds(each, products)) if products else each


def _lasts(work: Callable[[], Tensor], budget: float) -> float:
    """Mean seconds of a call over `budget` seconds, results waited for.

    The mean: on a busy machine most calls run undisturbed and some wait for their turn, which a
    median would not see.
    """
    count, started = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - started < budget:
        float(work()[0].sum())
        count += 1
    return max(time.perf_counter() - started, 1e-6) / count
