"""Coarser products than float64's or float32's, where a few digits are all that is asked for.

A product in float64 carries sixteen digits and takes twice the time of one in float32, many times
that in convolutions; matrix units (`matrix_units`) are faster still and carry three. Whether that
is enough is measured, never assumed. For probes of the density, which give two or three digits of
it, on the space where they live: outside the known pairs the curvature may be thousands of times
smaller than the sums that it is the difference of. For eigenpairs to 1e-4 or less, which are found
in float32, on the pairs themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.long_sums import outside
from minimascope.curvature.products.matrix_units import on_matrix_units
from minimascope.curvature.products.operator import Operator

COARSE = 1e-4  # residuals from which on pairs are looked for in float32
ENOUGH = 5e-3  # relative to the product; standard errors of a density are 1e-2 and more


@dataclass(frozen=True)
class Quick:
    """The operator to multiply random probes with, how far from the exact one if it is coarser."""

    operator: Operator
    difference: float | None

    @property
    def sentence(self) -> str:
        """What was done, for the method of an estimate; empty where nothing was."""
        if self.difference is None:
            return ""
        return f" Products in {self.operator.arithmetic}, {self.difference:.1e} from exact ones."


def quick_hessian(
    minimum: Minimum, operator: Operator, known: Tensor | None = None, *, seed: int = 0
) -> Quick:
    """The quickest H of `minimum` that agrees with the exact one on a random vector.

    `operator` is H as it has been built before. The vector v is orthogonal to `known` (r, p),
    orthonormal rows, and so is what is compared: ‖P(H₁ − H)v‖ ≤ 5e-3·‖P H v‖. The mean of its
    square is the distance of the two matrices in Frobenius norm over that of P H P, and no more
    than that can the r.m.s. of eigenvalues move (Hoffman and Wielandt, 1953): P H P's own spectrum
    is found to 0.5 % of its r.m.s., where the random vectors of a density leave 1 % and more.
    """
    exact = operator
    if operator.arithmetic:
        exact = replace(hessian(minimum), counter=operator.counter)
    vector = _outside(known, _random_row(exact, seed=seed))
    truth: Tensor | None = None
    for quicker in _quicker(minimum, operator):
        if truth is None:  # not before there is something to compare
            truth = _outside(known, exact.matmat(vector))
        difference = _distance(quicker, vector, known, truth)
        if difference <= ENOUGH:
            return Quick(quicker, difference)
    return Quick(exact, None)


def _quicker(minimum: Minimum, operator: Operator) -> Iterator[Operator]:
    """Coarser forms of H, the quickest first; what is in float32 is built for the first of them."""
    single: Operator | None = operator
    if operator.dtype == torch.float64:
        single = _in_float32(minimum)
    if single is None:
        return
    single = replace(single, counter=operator.counter)
    if (rough := on_matrix_units(single)) is not None:
        yield rough
    if single.arithmetic:
        yield single


def coarse_hessian(minimum: Minimum, tolerance: float) -> Operator:
    """H for Lanczos: in float32 where residuals of 1e-4·|λ1| or more are good enough."""
    single = None
    if tolerance >= COARSE and minimum.theta.dtype == torch.float64:
        single = _in_float32(minimum)
    return hessian(minimum) if single is None else single


def rounding_of(operator: Operator, minimum: Minimum, vectors: Tensor, *, seed: int = 0) -> float:
    """What float32 takes from the products with (k, p) vectors: an estimate of (Σ ‖E v_i‖²)^½.

    E = H₃₂ − H₆₄ on one combination of the vectors with random signs, whose expected square the
    sum is; no single ‖E v_i‖ is larger. One product in float64, whose graph is not kept.
    """
    generator = torch.Generator(device=vectors.device).manual_seed(seed)
    signs = torch.randint(0, 2, (len(vectors), 1), generator=generator, device=vectors.device)
    combined = ((2 * signs - 1) * vectors.double()).sum(0)
    exact = hessian(minimum, retain="never").matvec(combined)
    return float((operator.matvec(combined.to(operator.dtype)).double() - exact).norm())


def _in_float32(minimum: Minimum) -> Operator | None:
    """None for a network that has float64 written into it, or whose graph does not fit again."""
    try:
        return replace(hessian(in_float32(minimum)), arithmetic="float32")
    except (RuntimeError, ValueError):
        return None


def in_float32(minimum: Minimum) -> Minimum:
    """The same in float32, the network a copy."""
    network = copy.deepcopy(minimum.network)
    inputs, targets = minimum.inputs, minimum.targets
    like = {"dtype": torch.float32, "device": inputs.device}
    return prepare(network, inputs, targets, loss=minimum.objective, **like)


def _random_row(operator: Operator, *, seed: int) -> Tensor:
    generator = torch.Generator(device=operator.device).manual_seed(seed)
    like = {"dtype": operator.dtype, "device": operator.device}
    return torch.randn(1, operator.dim, generator=generator, **like)


def _distance(coarse: Operator, vector: Tensor, known: Tensor | None, truth: Tensor) -> float:
    """‖P(H₁v − Hv)‖/‖P H v‖, infinite where H₁ has no products."""
    try:
        found = coarse.matmat(vector.to(coarse.dtype)).to(truth.dtype)
    except (RuntimeError, ValueError):  # overflows in float32, or asks for float64
        return float("inf")
    size = float(truth.norm())
    return float((_outside(known, found) - truth).norm()) / size if size else float("inf")


def _outside(known: Tensor | None, rows: Tensor) -> Tensor:
    if known is None:
        return rows
    return outside(known.to(rows.dtype), rows)
