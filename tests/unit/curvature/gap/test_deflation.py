"""Deflation against dense eigenpairs and inverses of a matrix with a prescribed spectrum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minimascope.curvature.krylov.deflation import Deflation, top_pairs
from minimascope.curvature.krylov.lockstep import begin
from minimascope.curvature.products.operator import from_matrix

P, COUNT, ACCURACY = 80, 6, 1e-5
LAMBDAS = torch.tensor([1e-3, 1e-2, 1.0], dtype=torch.float64)


def prescribed() -> tuple[Tensor, Tensor]:
    """Eigenvalues, descending (six outliers over a tail that ends at 0), and the matrix."""
    torch.manual_seed(0)
    e = torch.cat([torch.tensor([9.0, 5.0, 3.0, 2.0, 1.5, 1.0]), torch.logspace(-2, -5, P - 6)])
    e = e.double()
    Q = torch.linalg.qr(torch.randn(P, P, dtype=torch.float64))[0]
    return e, (Q * e) @ Q.mT


def deflation(M: Tensor, *, steps: int) -> Deflation:
    return top_pairs(
        from_matrix(M),
        torch.randn(P, dtype=torch.float64),
        count=COUNT,
        steps=steps,
        smallest_lambda=float(LAMBDAS.min()),
        accuracy=ACCURACY,
    )


def test_pairs_are_those_of_the_dense_matrix() -> None:
    e, M = prescribed()
    found = deflation(M, steps=40)
    assert found.values.shape[0] == COUNT
    # A Ritz value is off by at most residual²/gap: kept residuals are below
    # ACCURACY·√((e+λ)λ) ≤ 1e-5·√(9·1e-3) = 1e-6, the smallest gap is 0.5.
    assert torch.allclose(found.values, e[:COUNT], rtol=0, atol=1e-11)
    eye = torch.eye(COUNT, dtype=torch.float64)
    assert torch.allclose(found.vectors @ found.vectors.mT, eye, atol=1e-12)


@pytest.mark.parametrize("steps", [12, 18, 40])
def test_quadratic_forms_keep_their_accuracy_whatever_was_found(steps: int) -> None:
    _, M = prescribed()
    found = deflation(M, steps=steps)
    X = torch.randn(3, P, dtype=torch.float64)
    outside = begin(from_matrix(M).matmat, X, known=found.known)
    # Without reorthogonalisation nodes repeat, and twice the steps of exact arithmetic do it.
    while outside.steps < 2 * P and not outside.exhausted:
        outside.advance()
    ours = found.quadratic(X, LAMBDAS) + outside.quadratic(LAMBDAS)
    eye = torch.eye(P, dtype=torch.float64)
    for row, x in enumerate(LAMBDAS.tolist()):
        dense = (X * torch.linalg.solve(M + x * eye, X.mT).mT).sum(dim=1)
        # η/(1−η) with η ≤ ACCURACY, relative to the size of the form.
        assert float((ours[row] - dense).abs().max()) <= 2 * ACCURACY * float(dense.abs().max())


def test_fewer_steps_are_needed_outside_the_outliers() -> None:
    _, M = prescribed()
    found, none = deflation(M, steps=40), deflation(M, steps=1)
    assert none.values.shape[0] == 0
    x = torch.randn(1, P, dtype=torch.float64)
    dense = float(x[0] @ torch.linalg.solve(M + 1e-3 * torch.eye(P, dtype=torch.float64), x[0]))

    def steps(deflated: Deflation) -> int:
        lanczos = begin(from_matrix(M).matmat, x, known=deflated.known)
        known = float(deflated.quadratic(x, LAMBDAS)[0, 0])
        while True:
            lanczos.advance()
            if abs(known + float(lanczos.quadratic(LAMBDAS)[0, 0]) - dense) < 1e-4 * dense:
                return lanczos.steps

    # CG needs about ½√κ·log(2/tol) steps: κ = 9/1e-3 with the outliers, 0.01/1e-3 without them.
    assert steps(found) < 0.7 * steps(none)
