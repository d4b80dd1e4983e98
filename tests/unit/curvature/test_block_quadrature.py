"""Quadrature of probes in one Krylov space, on spectra that are written down."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from minimascope.curvature.krylov.block_quadrature import _begun, block_quadrature
from minimascope.curvature.krylov.slq import ProbeSize
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum.density import Density, operator_density
from minimascope.curvature.spectrum.spectrum import operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

OUTLIERS = torch.tensor([9.4, 6.7, 5.0, 4.1, 3.1, 2.0, 1.0, 0.6], dtype=torch.float64)
BULK = torch.randn(1992, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
SPECTRA = {
    "filled bulk": torch.cat([OUTLIERS, 0.03 * BULK]),
    "many zeros": torch.cat([OUTLIERS, 0.2 * BULK[:80].abs(), torch.zeros(1912).double()]),
    "decades": torch.logspace(0, -8, 2000, dtype=torch.float64),
}


def diagonal(values: Tensor) -> Operator:
    return Operator(lambda rows: rows * values, values.numel())


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_moments_of_every_probe_are_exact_up_to_twice_the_steps(steps: int) -> None:
    values, known = SPECTRA["decades"], torch.eye(2000, dtype=torch.float64)[:5]
    operator = diagonal(values)
    rules = block_quadrature(operator, known, size=ProbeSize(3, steps), run=Run(4))
    probes = _begun(operator, known, 3, steps=steps, seed=4).block
    assert (probes @ known.T).abs().max() <= 1e-14
    for power in range(2 * steps):
        exact = (probes.square() * values**power).sum(1)
        assert torch.allclose((rules.weights * rules.nodes**power).sum(1), exact, rtol=1e-11)


def exact_under(density: Density, values: Tensor) -> Tensor:
    """The exact eigenvalues under the density's own bells, one after the other."""
    total = torch.zeros_like(density.grid)
    for value in values.tolist():
        shift = torch.asinh(density.grid / density.linear) - math.asinh(value / density.linear)
        total += torch.exp(-0.5 * (shift / density.width) ** 2)
    total /= density.width * math.sqrt(2 * math.pi) * len(values)
    return total / (density.grid**2 + density.linear**2).sqrt()


@pytest.mark.parametrize(
    ("name", "most"),  # a bulk that fills the range is the worst there is
    [("filled bulk", 240), ("many zeros", 160), ("decades", 160)],
)
def test_density_is_the_exact_one_within_its_stated_error_and_takes_fewer_products(
    name: str, most: int
) -> None:
    values = SPECTRA[name]
    operator = diagonal(values)
    found = operator_spectrum(operator, Wanted(top_k=10, tolerance=1e-6), route="lanczos")
    before = operator.products
    density = operator_density(operator, found, ProbeSize(8, 40), run=Run(1))
    assert operator.products - before <= most  # chains of their own take 320
    assert density.width >= 1.5 / 40
    assert float(torch.trapezoid(density.mean, density.grid)) == pytest.approx(1, abs=1e-4)
    exact = exact_under(density, values)
    error = (density.mean - exact).abs()
    # t with 7 degrees of freedom; what the steps leave is a fifth of a standard error in the mean.
    assert (error <= 6 * density.standard_error + 1e-3 * exact.max()).all()
    stated = float(torch.trapezoid(density.standard_error, density.grid))
    assert float(torch.trapezoid(error, density.grid)) <= 3 * stated + 1e-9


def test_a_space_that_ends_gives_the_whole_spectrum() -> None:
    values = torch.tensor([3.0, 2.0, 1.0, 0.0, 0.0, -1.0], dtype=torch.float64)
    rules = block_quadrature(diagonal(values), None, size=ProbeSize(8, 40), run=Run())
    assert rules.probes == 6
    # Six orthonormal probes: together they see every eigenvalue once.
    assert float((rules.weights * rules.nodes).sum()) == pytest.approx(5.0, abs=1e-12)
    assert float((rules.weights * rules.nodes**2).sum()) == pytest.approx(15.0, abs=1e-12)
