"""Spectral density: mass, agreement of the sampled with the exact one, stated errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from minimascope.curvature.krylov.slq import ProbeSize, spectral_sum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.density import Density, own_probe, spectral_density
from minimascope.curvature.spectrum.eigenpairs import lanczos_pairs
from minimascope.curvature.spectrum.route import Room
from minimascope.curvature.spectrum.spectrum import (
    Spectrum,
    compute_spectrum,
    operator_spectrum,
)
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.reference_networks import GAP, boundary_minimum, gap_minimum


def smoothed(density: Density, eigenvalues: Tensor) -> np.ndarray:
    """A naive twin: the exact eigenvalues under the density's own bells."""
    grid, width = density.grid.numpy(), density.width
    total = np.zeros_like(grid)
    for value in eigenvalues.tolist():
        shift = np.arcsinh(grid / density.linear) - np.arcsinh(value / density.linear)
        total += np.exp(-0.5 * (shift / width) ** 2) / width / np.sqrt(2 * np.pi)
    return total / np.sqrt(grid**2 + density.linear**2) / eigenvalues.numel()


def whole(spectrum: Spectrum, dim: int) -> Tensor:
    zeros = torch.zeros(dim - spectrum.known_eigenvalues.numel(), dtype=torch.float64)
    return torch.cat([spectrum.known_eigenvalues, zeros])


def test_exact_density_smooths_all_eigenvalues() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    spectrum = compute_spectrum(minimum)
    density = spectral_density(minimum, spectrum)
    expected = smoothed(density, whole(spectrum, minimum.dim))
    assert np.abs(density.mean.numpy() - expected).max() <= 1e-12 * expected.max()
    assert density.probes is None
    assert density.standard_error.abs().max() == 0
    assert density.method.startswith("Exact")
    # Trapezoids of bells three spacings wide on the stretched grid: second order, below 1e-4.
    assert float(torch.trapezoid(density.mean, density.grid)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", GAP)
@pytest.mark.parametrize("known", [0, 20])
def test_sampled_density_agrees_with_the_exact_one(name: str, known: int) -> None:
    minimum = gap_minimum(name).minimum
    spectrum = compute_spectrum(minimum, Wanted(top_k=20))
    partial = replace(
        spectrum,
        known_eigenvalues=spectrum.eigenvalues[:known],
        known_eigenvectors=spectrum.eigenvectors[:known],
        complete=False,
    )
    density = spectral_density(minimum, partial, ProbeSize(probes=8, steps=40), run=Run(seed=1))
    expected = smoothed(density, whole(spectrum, minimum.dim))
    error = np.abs(density.mean.numpy() - expected)
    # 8 probes: t with 7 degrees of freedom, and 1% of the peak for the rule's own bias.
    assert (error <= 5 * density.standard_error.numpy() + 0.01 * expected.max()).all()
    distance = float(np.trapezoid(error, density.grid.numpy()))
    assert distance <= 0.05
    assert float(torch.trapezoid(density.mean, density.grid)) == pytest.approx(1, abs=1e-4)
    assert density.probes == 8
    assert density.standard_error.max() > 0


def test_the_eigenpair_run_is_one_probe_of_the_density() -> None:
    minimum = gap_minimum(GAP[0]).minimum
    whole_spectrum = compute_spectrum(minimum, Wanted(top_k=20))
    operator = hessian(minimum)
    pairs = lanczos_pairs(
        operator,
        Wanted(top_k=6, tolerance=1e-6),
        Room(capacity=200, limit=400),
        run=Run(seed=3),
    )
    spectrum = replace(
        whole_spectrum,
        known_eigenvalues=pairs.known_values,
        known_eigenvectors=pairs.known_vectors,
        complete=False,
        rule=pairs.rule,
        operator=operator,
    )
    before = operator.products
    density = spectral_density(minimum, spectrum, ProbeSize(probes=8, steps=20), run=Run(seed=1))
    products = operator.products - before - 2  # two compare float32 with float64
    assert products % 7 == 0
    assert products <= 7 * 20
    assert density.probes == 8
    expected = smoothed(density, whole(whole_spectrum, minimum.dim))
    error = np.abs(density.mean.numpy() - expected)
    # As above: t with 7 degrees of freedom, and 1% of the peak for the rules' own bias.
    assert (error <= 5 * density.standard_error.numpy() + 0.01 * expected.max()).all()


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-6])
def test_pieces_of_the_bulk_are_not_taken_for_known_pairs(tolerance: float) -> None:
    outliers = torch.tensor([9.4, 6.7, 5.0, 4.1, 3.1, 2.0, 1.0, 0.6], dtype=torch.float64)
    values = torch.cat([outliers, torch.linspace(-0.06, 0.13, 1500, dtype=torch.float64)])
    operator = Operator(lambda rows: rows * values, values.numel())  # diagonal
    # Wanting pairs of the bulk too, the run goes on until much of its edge has small residuals.
    found = operator_spectrum(operator, Wanted(top_k=20, tolerance=tolerance), route="lanczos")
    known, vectors = found.known_eigenvalues, found.known_eigenvectors
    assert vectors is not None
    errors = (vectors * values - known[:, None] * vectors).norm(dim=1)
    # OWN_DIGITS, and rounding of coordinates in a basis of unit vectors.
    assert (errors <= 1.001e-2 * known.abs()).all()
    own = own_probe(found, values.numel(), steps=8)
    assert own is not None
    rest = float(values.sum() - known.sum())
    # The variance of dim·zᵀHz for unit z is about twice the sum of squares of what is left.
    spread = float(2 * (values.square().sum() - known.square().sum())) ** 0.5
    assert abs(own.dim * float((own.weights * own.nodes).sum()) - rest) <= 5 * spread


def test_spectral_sums_come_from_the_density_without_products() -> None:
    minimum = gap_minimum(GAP[0]).minimum
    exact = compute_spectrum(minimum, Wanted(top_k=20))
    partial = replace(
        exact,
        known_eigenvalues=exact.eigenvalues[:5],
        known_eigenvectors=exact.eigenvectors[:5],
        complete=False,
    )
    size = ProbeSize(probes=8, steps=40)
    density = spectral_density(minimum, partial, size, run=Run(seed=1))
    rules = density.rules
    for damping in (density.sigma, 1e-1):

        def rank(values: Tensor, damping: float = damping) -> Tensor:
            return values.clamp(min=0) / (values.clamp(min=0) + damping)

        truth, none = spectral_sum(exact.known_eigenvalues, None, rank)
        value, error = spectral_sum(partial.known_eigenvalues, rules, rank)
        assert none is None
        assert error is not None
        # t with 7 degrees of freedom: 5 s.e. fail once in 600, seeds are fixed.
        assert abs(value - truth) <= 5 * error


def test_the_same_seed_gives_the_same_density() -> None:
    minimum = gap_minimum(GAP[0]).minimum
    spectrum = replace(compute_spectrum(minimum), complete=False)
    first, second, other = (
        spectral_density(minimum, spectrum, ProbeSize(probes=2, steps=5), run=Run(seed=seed))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first.mean, second.mean)
    assert not torch.equal(first.mean, other.mean)


@pytest.mark.parametrize(
    ("size", "grid_size", "wrong"),
    [(ProbeSize(probes=1), 64, "1"), (ProbeSize(steps=0), 64, "0"), (ProbeSize(), 4, "4")],
)
def test_settings_without_an_answer_are_refused(
    size: ProbeSize, grid_size: int, wrong: str
) -> None:
    minimum = gap_minimum(GAP[0]).minimum
    with pytest.raises(ValueError, match=wrong):
        spectral_density(minimum, compute_spectrum(minimum), size, grid_size=grid_size)
