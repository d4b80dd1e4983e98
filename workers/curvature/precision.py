"""Products in float32 where no more than three or four digits are asked for.

A product in float64 carries sixteen and takes twice the time, many times that in convolutions.
Whether float32 is enough is measured, never assumed. For probes of the density, which give two or
three digits of it, on the space where they live: outside the known pairs the curvature may be
thousands of times smaller than the sums that it is the difference of. For eigenpairs to 1e-4 or
less, on the pairs themselves.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workers.curvature.minimum import Minimum, prepare
from workers.curvature.operators import Operator, hessian

COARSE = 1e-4  # residuals from which on pairs are looked for in float32
ENOUGH = 1e-4  # relative to the product; standard errors of a density are 1e-2 and more


@dataclass(frozen=True)
class Quick:
    """The operator to multiply random probes with; `difference` is that to float64, if float32."""

    operator: Operator
    difference: float | None

    @property
    def sentence(self) -> str:
        """What was done, for the method of an estimate; empty where nothing was."""
        if self.difference is None:
            return ""
        return f" Products in float32, {self.difference:.1e} from float64."


def quick_hessian(
    minimum: Minimum, operator: Operator, known: Tensor | None = None, *, seed: int = 0
) -> Quick:
    """H of `minimum` in float32 if it agrees with `operator` on a random vector, else `operator`.

    The vector is orthogonal to `known` (r, p), orthonormal rows, and so is what is compared:
    ‖P(H₃₂ − H₆₄)v‖ ≤ 1e-4·‖P H₆₄ v‖.
    """
    if operator.dtype != torch.float64:
        return Quick(operator, None)
    single = _in_float32(minimum)
    if single is None:
        return Quick(operator, None)
    single = replace(single, counter=operator.counter)
    difference = _difference(single, operator, known, seed=seed)
    return Quick(single, difference) if difference <= ENOUGH else Quick(operator, None)


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
        network = copy.deepcopy(minimum.network)
        inputs, targets = minimum.inputs, minimum.targets
        return hessian(prepare(network, inputs, targets, loss=minimum.loss, dtype=torch.float32))
    except (RuntimeError, ValueError):
        return None


def _difference(single: Operator, double: Operator, known: Tensor | None, *, seed: int) -> float:
    generator = torch.Generator(device=double.device).manual_seed(seed)
    like = {"dtype": double.dtype, "device": double.device}
    vector = _outside(known, torch.randn(1, double.dim, generator=generator, **like))
    vector = vector / vector.norm()
    try:
        rounded = single.matmat(vector.float()).double()
    except (RuntimeError, ValueError):  # overflows in float32, or asks for float64
        return float("inf")
    exact = _outside(known, double.matmat(vector))
    distance, size = float((_outside(known, rounded) - exact).norm()), float(exact.norm())
    return distance / size if size else float("inf")


def _outside(known: Tensor | None, rows: Tensor) -> Tensor:
    return rows if known is None else rows - (rows @ known.T) @ known
