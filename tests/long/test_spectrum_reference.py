"""Spectra of the reference networks against numbers made apart from this project."""

import numpy as np
import pytest
import torch

from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.curvature.spectrum.spectrum import Spectrum, compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.reference_networks import BOUNDARY, GAP, REFERENCE, boundary_minimum, gap_minimum


@pytest.fixture(scope="module", params=BOUNDARY)
def boundary(request: pytest.FixtureRequest) -> tuple[Spectrum, torch.Tensor]:
    name = request.param
    values = torch.tensor(np.load(REFERENCE / "boundary" / name / "eigenvalues64.npy"))
    return compute_spectrum(boundary_minimum(name).minimum, Wanted(top_k=30)), values.flip(0)


def test_top_30_eigenvalues_equal_the_reference(boundary: tuple[Spectrum, torch.Tensor]) -> None:
    spectrum, reference = boundary
    # Both are float64; 1e-8 of λ1 is the agreement promised, 1e-13 what rounding allows.
    assert (spectrum.eigenvalues - reference[:30]).abs().max() <= 1e-8 * reference[0]
    assert spectrum.converged.all()


def test_whole_spectrum_equals_the_reference(boundary: tuple[Spectrum, torch.Tensor]) -> None:
    spectrum, reference = boundary
    assert spectrum.complete
    zeros = torch.zeros(reference.numel() - spectrum.known_eigenvalues.numel()).double()
    whole = torch.cat([spectrum.known_eigenvalues, zeros]).sort(descending=True).values
    assert (whole - reference).abs().max() <= 1e-8 * reference[0]
    assert abs(spectrum.trace - float(reference.sum())) <= 1e-8 * float(reference[0])
    assert abs(spectrum.lambda_min - float(reference[-1])) <= 1e-8 * float(reference[0])
    assert spectrum.trace_standard_error is None


def test_eigenvectors_are_orthonormal_with_small_residuals(
    boundary: tuple[Spectrum, torch.Tensor],
) -> None:
    spectrum, _ = boundary
    vectors = spectrum.known_eigenvectors
    assert vectors is not None
    gram = vectors @ vectors.T
    assert (gram - torch.eye(gram.shape[0])).abs().max() <= 1e-10
    assert spectrum.residuals.max() <= 1e-12
    largest = spectrum.eigenvectors.gather(1, spectrum.eigenvectors.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()


@pytest.mark.parametrize("name", GAP)
def test_gap_networks_have_the_reference_curvature(name: str) -> None:
    minimum, _, _, reference = gap_minimum(name)
    spectrum = compute_spectrum(minimum, Wanted(top_k=20))
    expected = torch.tensor(reference["eig_H_top20"], dtype=torch.float64)
    scale = float(expected[0])
    assert (spectrum.eigenvalues - expected).abs().max() <= 1e-8 * scale
    assert abs(spectrum.lambda_min - float(str(reference["eig_H_min"]))) <= 1e-8 * scale
    assert spectrum.trace == pytest.approx(reference["trace_H"], rel=1e-8)


@pytest.mark.parametrize("name", GAP)
def test_ggn_and_second_moments_have_the_reference_traces(name: str) -> None:
    minimum, _, _, reference = gap_minimum(name)
    identity = torch.eye(minimum.dim, dtype=torch.float64)
    matrix = ggn(minimum).matmat(identity)
    expected = torch.tensor(reference["eig_GGN_top20"], dtype=torch.float64)
    values = torch.linalg.eigvalsh(matrix).flip(0)[:20]
    assert (values - expected).abs().max() <= 1e-8 * float(expected[0])
    assert float(matrix.trace()) == pytest.approx(reference["trace_GGN"], rel=1e-8)
    uncentred = gradient_second_moment(minimum).matmat(identity).trace()
    centred = gradient_second_moment(minimum, "centred").matmat(identity).trace()
    assert float(uncentred) == pytest.approx(reference["trace_C_unc"], rel=1e-8)
    assert float(centred) == pytest.approx(reference["trace_C_cen"], rel=1e-8)
    assert float(mean_gradient(minimum).norm()) == pytest.approx(
        reference["grad_norm_data"], rel=1e-8
    )
