"""The stated difference of coarse products, against whole matrices."""

from __future__ import annotations

import torch

from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.precision import quick_hessian
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def test_the_stated_difference_is_the_one_of_dense_matrices() -> None:
    minimum = boundary_minimum(BOUNDARY[0]).minimum
    operator = hessian(minimum)
    quick = quick_hessian(minimum, operator)
    assert quick.difference is not None
    assert quick.operator.dtype == torch.float32
    identity = torch.eye(operator.dim, dtype=torch.float64)
    exact = operator.matmat(identity)
    rounded = quick.operator.matmat(identity.float()).double()
    relative = float((rounded - exact).norm() / exact.norm())
    assert relative / 10 <= quick.difference <= 10 * relative
    assert relative <= 1e-4
    assert next(minimum.network.parameters()).dtype == torch.float64  # untouched
