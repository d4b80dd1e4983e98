"""Sums over millions of float32 numbers keep their digits, and a Lanczos basis its unit length."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minimascope.curvature.krylov.block import (
    expand,
    krylov_space,
    random_rows,
    ritz,
    ritz_vectors,
)
from minimascope.curvature.products.long_sums import PIECE, inner, norms, outside
from minimascope.curvature.products.operator import Operator

LONG = 3_000_000


def rows(count: int, length: int = LONG) -> Tensor:
    return torch.randn(count, length, generator=torch.Generator().manual_seed(0))


def test_products_and_norms_have_seven_digits() -> None:
    given = rows(3)
    exact = given.double() @ given.double().T
    assert (inner(given, given).double() / exact - 1).diagonal().abs().max() < 1e-6
    assert (norms(given).double() / exact.diagonal().sqrt() - 1).abs().max() < 1e-6


@pytest.mark.parametrize("length", [1, 100, PIECE, PIECE + 1, 2 * PIECE + 77])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_length(length: int, dtype: torch.dtype) -> None:
    left, right = rows(2, length).to(dtype), rows(4, length).to(dtype) + 1
    assert torch.allclose(inner(left, right), left @ right.T, rtol=1e-4, atol=1e-3)
    assert torch.allclose(norms(left), left.norm(dim=1), rtol=1e-5)
    assert inner(left, right[:0]).shape == (2, 0)
    assert torch.equal(outside(right[:0], left), left)


def test_a_long_basis_is_orthonormal_and_its_residuals_are_what_it_says() -> None:
    """A diagonal matrix of 3 million: outliers over a bulk, float32 throughout."""
    diagonal = torch.rand(LONG, generator=torch.Generator().manual_seed(1))
    diagonal[:5] = torch.tensor([9.0, 7.0, 5.0, 4.0, 3.0])
    operator = Operator(lambda given: given * diagonal, LONG, torch.float32)
    state = krylov_space(random_rows(operator, width=1, seed=0), capacity=14)
    while state.size < 14:
        expand(operator, state)
    gram = state.rows.double() @ state.rows.double().T
    assert (gram - torch.eye(14)).abs().max() < 1e-5
    values, coordinates, said = ritz(state)
    vectors = ritz_vectors(state, coordinates).double()
    actual = (vectors * diagonal.double() - values[:, None] * vectors).norm(dim=1)
    assert (actual - said).abs().max() < 2e-5 * values.max()
