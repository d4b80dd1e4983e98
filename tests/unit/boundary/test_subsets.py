"""Complexity and Hessians of class subsets."""

from __future__ import annotations

import pytest
import torch

from minimascope.boundary.complexity import alignment_matrix, complexity
from minimascope.boundary.subsets import (
    classes_and_pairs,
    members,
    subset_complexity,
    subset_hessian,
)
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.boundary_networks import linear_minimum, regression_minimum, top_vectors
from tests.cases.reference_networks import boundary_minimum


def test_all_classes_together_are_the_whole_training_set() -> None:
    minimum = boundary_minimum("gauss-normal").minimum
    matrix = alignment_matrix(minimum, top_vectors("gauss-normal"))
    assert subset_complexity(minimum, matrix, [2, 0, 1], epsilon=0.05) == complexity(
        matrix, dim=minimum.dim, epsilon=0.05, curve=[0.05]
    )


def test_hessian_of_all_classes_is_the_hessian() -> None:
    minimum, _, _, reference = boundary_minimum("gauss-normal")
    found = subset_hessian(minimum, [0, 1, 2])
    assert found.converged
    # Eigenvalue errors are quadratic in residuals of 1e-3·λ₁, over gaps above 0.02·λ₁.
    expected = reference["top30"][:2]
    assert found.eigenvalues[:2] == pytest.approx(expected, rel=1e-3)
    assert found.eigenvalues[0] < expected[0] * (1 + 1e-9)  # Ritz values lie below


def test_restricted_hessian_is_that_of_the_members_mean_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    weight = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    minimum = linear_minimum(weight, torch.zeros(3), inputs)
    rows = members(minimum, [0, 2])
    assert minimum.targets[rows].unique().tolist() == [0, 2]
    # Softmax regression: H = mean Λ ⊗ (x,1)(x,1)ᵀ.
    x = torch.cat([inputs[rows], torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
    with torch.no_grad():
        p = minimum.network(inputs[rows]).softmax(dim=1)
    curvature = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    dense = torch.einsum("nab,ni,nj->aibj", curvature, x, x).reshape(12, 12) / len(rows)
    expected = torch.linalg.eigvalsh(dense).flip(0)[:6]
    found = subset_hessian(minimum, [0, 2], Wanted(top_k=6, tolerance=1e-8))
    assert found.eigenvalues == pytest.approx(expected.tolist(), rel=1e-8)
    # Of 12 dimensions the trace is taken exactly.
    assert found.trace == pytest.approx(float(dense.trace()), rel=1e-8)
    assert found.trace_standard_error is None
    assert found.by_ratio == int((expected > 0.1 * expected[0]).sum())


def test_classes_and_their_pairs_are_those_with_points() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    assert classes_and_pairs(minimum) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]


def test_subsets_without_points_or_without_classes_are_refused() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    with pytest.raises(ValueError, match=r"any of the classes \[7\]"):
        members(minimum, [7])
    with pytest.raises(ValueError, match="no decision boundary"):
        subset_hessian(regression_minimum(), [0])
