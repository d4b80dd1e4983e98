"""How large the range of H will be on little data, foreseen from two of its examples.

Each example adds a range of its own, all within the parameters that H touches at all: constant
zeros among the inputs and dead units leave rows of H empty.
"""

from __future__ import annotations

import math

import torch

from minimascope.curvature.krylov.block import (
    expand,
    krylov_space,
    random_rows,
    ritz,
    zero_level,
)
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator

EXAMPLES = 2
BLOCK = 64
CAPACITY = 400  # some tenths of a second; ranges larger than that fill the space anyway
# Actual over expected of nine small networks: 0.48 and 0.60 with one hidden layer of ReLU, where
# ranges of examples overlap, 0.80 to 1.10 otherwise (tanh, GELU, deeper, CNN, attention).
SPREAD = (0.45, 1.25)


def expected_rank(minimum: Minimum, operator: Operator) -> float:
    """p'·(1 − exp(−n·r/p')): r dimensions an example, at random among the p' that are touched.

    p' is counted in one product of `operator`, r on two examples by exhausting their Krylov space.
    """
    touched = _touched(operator)
    few = minimum.subset(torch.arange(min(EXAMPLES, minimum.n), device=minimum.inputs.device))
    each = _rank(hessian(few)) / few.n
    return touched * -math.expm1(-minimum.n * each / max(touched, 1))


def _touched(operator: Operator) -> int:
    """Rows of H that are not empty, as a random vector sees them."""
    generator = torch.Generator(device=operator.device).manual_seed(0)
    like = {"dtype": operator.dtype, "device": operator.device}
    image = operator.matmat(torch.randn(1, operator.dim, generator=generator, **like)).abs()
    return int((image > zero_level(operator.dtype) * image.max()).sum())


def _rank(operator: Operator) -> int:
    state = krylov_space(random_rows(operator, width=BLOCK, seed=0), capacity=CAPACITY)
    while state.size < len(state.basis) and state.block.shape[0]:
        expand(operator, state)
    values, _, _ = ritz(state)
    return int((values.abs() > zero_level(operator.dtype) * values.abs().max()).sum())
