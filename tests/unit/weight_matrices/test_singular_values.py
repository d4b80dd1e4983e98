"""Singular values against matrices whose spectrum is prescribed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from minimascope.weight_matrices.matrix import Matrix
from minimascope.weight_matrices.singular_values import all_of, largest_of, singular_values


def with_spectrum(values: Tensor, rows: int, columns: int) -> Tensor:
    """A matrix (rows × columns) with these singular values, float64."""
    generator = torch.Generator().manual_seed(0)
    short = len(values)
    left, _ = torch.linalg.qr(torch.randn(rows, short, generator=generator).double())
    right, _ = torch.linalg.qr(torch.randn(columns, short, generator=generator).double())
    return (left * values) @ right.T


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (700, 300), (300, 700)])
def test_all_singular_values_of_tall_and_wide_matrices(shape: tuple[int, int]) -> None:
    prescribed = torch.linspace(3, 0.01, min(shape)).double()
    found = all_of(Matrix.of(with_spectrum(prescribed, *shape)))
    # Those of W'W are right to 1e-8 of the largest, and 0.01 is more than that.
    np.testing.assert_allclose(found, prescribed, rtol=1e-5)


def test_a_convolution_is_the_matrix_that_acts_on_patches() -> None:
    weight = torch.randn(6, 4, 3, 3)
    found = all_of(Matrix.of(weight))
    np.testing.assert_allclose(found, torch.linalg.svdvals(weight.reshape(6, 36)), rtol=1e-5)


def test_the_largest_are_right_where_not_all_are_computed() -> None:
    prescribed = torch.cat([torch.tensor([50.0, 40, 30, 20, 15]), torch.rand(295) * 2]).double()
    found = largest_of(Matrix.of(with_spectrum(prescribed, 900, 300)))
    assert found.method == "largest"
    assert len(found.values) >= 5
    np.testing.assert_allclose(found.values[:5], [50, 40, 30, 20, 15], rtol=1e-8)
    assert found.residual < 1e-3


def test_beyond_the_bound_the_largest_alone_are_told() -> None:
    weight = torch.randn(400, 300, generator=torch.Generator().manual_seed(0))
    assert singular_values(Matrix.of(weight), all_up_to=300).method == "all"
    assert singular_values(Matrix.of(weight), all_up_to=299).method == "largest"
    first = torch.linalg.svdvals(weight)[0]
    found = singular_values(Matrix.of(weight), all_up_to=299).values[0]
    np.testing.assert_allclose(found, first, rtol=1e-3)  # a lower bound, its residual below 1e-3


def test_a_matrix_of_zeros_has_zeros() -> None:
    assert all_of(Matrix.of(torch.zeros(30, 20))).max() == 0
    assert largest_of(Matrix.of(torch.zeros(300, 290))).values[0] == 0
