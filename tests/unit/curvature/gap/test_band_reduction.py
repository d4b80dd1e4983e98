"""Band reduction against dense factorisations of matrices with a prescribed spectrum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minimascope.curvature.sweep import band as band_reduction
from minimascope.curvature.sweep.band import BandResolvent, reduce_to_band

LAMBDAS = torch.tensor([1e-2, 1.0, 30.0], dtype=torch.float64)


def prescribed(eigenvalues: Tensor) -> Tensor:
    p = eigenvalues.shape[0]
    Q = torch.linalg.qr(torch.randn(p, p, dtype=torch.float64))[0]
    M = (Q * eigenvalues) @ Q.mT
    return 0.5 * (M + M.mT)


def spectrum(p: int, rank: int) -> Tensor:
    e = torch.zeros(p, dtype=torch.float64)
    e[p - rank :] = torch.logspace(-2, 1, rank, dtype=torch.float64)
    return e


@pytest.mark.parametrize("tile", [16, 40, 1024])
@pytest.mark.parametrize(("p", "rank"), [(1, 1), (5, 2), (16, 16), (17, 9), (120, 40), (130, 130)])
def test_band_has_the_prescribed_eigenvalues_and_resolvent(
    p: int, rank: int, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(band_reduction, "TILE", tile)
    torch.manual_seed(p)
    e = spectrum(p, rank)
    M = prescribed(e)
    band = reduce_to_band(M.clone(), width=16)
    # Backward stable: errors of p ε λ₁, and of p ε λ₁/λ relative to ‖(M + λI)⁻¹‖ = 1/λ.
    assert torch.allclose(band.eigenvalues(), e, rtol=0, atol=p * 2e-15 * 10)
    rows = torch.randn(4, 3, p, dtype=torch.float64)
    rotated = band.rotate_(rows.flatten(0, 1).clone()).view_as(rows)
    resolvent = BandResolvent(band, LAMBDAS)
    found = resolvent.grams(rotated)
    eye = torch.eye(p, dtype=torch.float64)
    for row, x in enumerate(LAMBDAS.tolist()):
        dense = rows @ torch.linalg.solve(M + x * eye, rows.mT)
        size = float(rows.square().sum(dim=2).max()) / x
        assert float((found[row] - dense).abs().max()) < p * 2e-15 * (10 / x) * size
        assert float(resolvent.logdets[row]) == pytest.approx(
            float(torch.log(e + x).sum()), rel=1e-10, abs=1e-10
        )


def test_a_matrix_that_is_diagonal_already_needs_no_reflection() -> None:
    e = torch.arange(1.0, 41.0, dtype=torch.float64)
    band = reduce_to_band(torch.diag(e), width=8)
    assert torch.equal(torch.cat([block.diagonal() for block in band.diagonal]), e)
    assert torch.allclose(band.eigenvalues(), e, rtol=1e-14)
