"""Coarse products: where they agree with exact ones, and where they are refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import matrix_units, precision
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.matrix_units import on_matrix_units
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import quick_hessian, rounding_of
from minimascope.curvature.spectrum import spectrum as spectrum_module
from minimascope.curvature.spectrum.density import operator_density, spectral_density
from minimascope.curvature.spectrum.plan import plan_spectrum
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.reference_networks import BOUNDARY, boundary_minimum


def wide(n: int = 200) -> Minimum:
    """p = 6,340 with a bulk: Lanczos is the route."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 180), nn.Tanh(), nn.Linear(180, 14))
    inputs, targets = torch.randn(n, 20), torch.arange(n) % 14
    return prepare(network, inputs, targets)


def test_density_in_float32_is_that_of_float64_within_a_hundredth_of_its_error() -> None:
    minimum = wide()
    spectrum = compute_spectrum(minimum, Wanted(top_k=5))
    assert not spectrum.complete
    single = spectral_density(minimum, spectrum)
    assert "Products in float32" in single.method
    double = operator_density(hessian(minimum), spectrum)
    # The same spectrum from other random probes: moments agree within their standard errors ...
    assert single.rules is not None
    assert double.rules is not None
    for power in (1, 2):
        sums = [(each.rules.weights * each.rules.nodes**power).sum(1) for each in (single, double)]
        error = sum(float(each.var()) / each.numel() for each in sums) ** 0.5
        assert abs(float(sums[0].mean() - sums[1].mean())) <= 5 * error
    # ... and one probe's product in float32 changes it by far less than probes differ.
    quick = quick_hessian(minimum, hessian(minimum), spectrum.known_eigenvectors)
    assert quick.difference is not None
    spread = float(sums[0].std() / sums[0].mean())
    assert quick.difference <= 0.01 * spread


def test_what_is_left_beside_known_pairs_is_compared_and_not_their_large_products() -> None:
    minimum = boundary_minimum("iris-normal").minimum
    spectrum = compute_spectrum(minimum)
    assert spectrum.complete  # nothing but rounding is left, of which float32 has more
    quick = quick_hessian(minimum, hessian(minimum), spectrum.known_eigenvectors)
    assert quick.difference is None
    assert quick.operator.dtype == torch.float64
    assert quick.sentence == ""


class Insists(nn.Module):
    """float64 written into the network."""

    def __init__(self, many: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.unused = nn.Parameter(torch.zeros(many))

    def forward(self, rows: Tensor) -> Tensor:
        return rows.double() @ self.layer.weight.T.double() + torch.ones(2, dtype=torch.float64)


class Huge(Insists):
    """Overflows in float32, not in float64."""

    def forward(self, rows: Tensor) -> Tensor:
        return self.layer(rows * 1e30 * 1e15) * 1e-45


def test_networks_that_float32_cannot_hold_stay_in_float64() -> None:
    torch.manual_seed(0)
    for network in (Insists(), Huge()):
        minimum = prepare(network, torch.randn(20, 3), torch.arange(20) % 2)
        operator = hessian(minimum)
        quick = quick_hessian(minimum, operator)
        product = quick.operator.matmat(torch.ones(1, operator.dim, dtype=quick.operator.dtype))
        assert torch.isfinite(product).all()
        if isinstance(network, Huge):
            assert quick.operator is operator


def test_a_small_float32_minimum_is_multiplied_as_it_is() -> None:
    minimum = boundary_minimum(BOUNDARY[0]).minimum
    single = prepare(minimum.network.float(), minimum.inputs, minimum.targets, dtype=torch.float32)
    operator = hessian(single)
    assert quick_hessian(single, operator).operator is operator
    assert operator.products == 0


def with_digits(bits: int) -> Callable[[Operator], Operator | None]:
    """Stands for matrix units that keep so many bits of the vectors, whatever this machine has."""

    def on_units(operator: Operator) -> Operator:
        def apply(rows: Tensor) -> Tensor:
            mantissa, exponent = torch.frexp(rows)
            rounded = torch.ldexp((mantissa * 2**bits).round() / 2**bits, exponent)
            return operator.apply(rounded)

        return replace(operator, apply=apply, arithmetic=f"{bits} bits")

    return on_units


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probes_on_matrix_units_move_the_bulk_by_less_than_its_standard_error(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    minimum = wide()
    minimum = prepare(minimum.network, minimum.inputs, minimum.targets, dtype=dtype)
    spectrum = compute_spectrum(minimum, Wanted(top_k=5, tolerance=1e-5))
    exact = operator_density(hessian(minimum), spectrum)
    monkeypatch.setattr(precision, "on_matrix_units", with_digits(8))
    rough = spectral_density(minimum, spectrum)
    assert "Products in 8 bits" in rough.method
    assert exact.rules is not None
    assert rough.rules is not None
    for power in (1, 2):
        sums = [(each.weights * each.nodes**power).sum(1) for each in (exact.rules, rough.rules)]
        error = sum(float(each.var()) / each.numel() for each in sums) ** 0.5
        assert abs(float(sums[0].mean() - sums[1].mean())) <= 5 * error
    monkeypatch.setattr(precision, "on_matrix_units", with_digits(4))  # some 2 % off
    found = quick_hessian(minimum, hessian(minimum), spectrum.known_eigenvectors)
    assert found.operator.arithmetic == ("float32" if dtype == torch.float64 else "")
    assert found.operator.dtype == torch.float32


def test_what_is_measured_bounds_how_far_eigenvalues_move() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 8))
    single = prepare(network, torch.randn(100, 10), torch.arange(100) % 8, dtype=torch.float32)
    identity = torch.eye(single.dim)
    rough = with_digits(8)(hessian(single))
    assert rough is not None
    matrices = [each.matmat(identity).double() for each in (hessian(single), rough)]
    exact, moved = (torch.linalg.eigvalsh((each + each.T) / 2) for each in matrices)
    vector = torch.randn(1, single.dim, generator=torch.Generator().manual_seed(0))
    truth = hessian(single).matmat(vector)
    stated = float((rough.matmat(vector) - truth).norm() / truth.norm())
    assert float((moved - exact).norm() / exact.norm()) <= 2 * stated


def test_matrix_units_are_used_for_large_float32_products_and_switched_off_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minimum = wide()
    single = prepare(minimum.network, minimum.inputs, minimum.targets, dtype=torch.float32)
    operator = hessian(single)
    assert on_matrix_units(operator) is None  # small
    monkeypatch.setattr(matrix_units, "LARGE", 1000)
    assert on_matrix_units(hessian(wide())) is None  # float64
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert on_matrix_units(operator) is None  # a CPU that has none
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    switch = torch.backends.mkldnn.matmul
    before, seen = switch.fp32_precision, []

    def apply(rows: Tensor) -> Tensor:
        seen.append(switch.fp32_precision)
        if rows.isnan().any():
            raise RuntimeError("in the middle of a product")
        return operator.apply(rows)

    rough = on_matrix_units(replace(operator, apply=apply))
    assert rough is not None
    assert rough.arithmetic == "bfloat16"
    row = torch.ones(1, operator.dim)
    exact = operator.matmat(row)
    assert (rough.matmat(row) - exact).norm() <= 2e-2 * exact.norm()
    assert switch.fp32_precision == before
    with pytest.raises(RuntimeError):
        rough.matmat(row * torch.nan)
    assert seen == ["bf16", "bf16"]
    assert switch.fp32_precision == before
    assert torch.equal(operator.matmat(row), exact)


def test_coarse_pairs_are_found_in_float32_and_vouched_for_in_float64() -> None:
    minimum = wide()
    found = compute_spectrum(minimum, Wanted(top_k=5, tolerance=1e-3))
    assert "Products in float32" in found.method
    assert found.converged.all()
    vectors = found.eigenvectors.double()
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    errors = hessian(minimum).matmat(vectors) - found.eigenvalues[:, None] * vectors
    exact = errors.norm(dim=1) / found.eigenvalues[0]
    assert (exact <= 1e-3).all()
    assert (exact <= found.residuals + 1e-7).all()  # unit length in float32: 1e-7
    fine = compute_spectrum(minimum, Wanted(top_k=5, tolerance=1e-6))
    assert "float32" not in fine.method
    assert fine.eigenvectors.dtype == torch.float64
    assert (fine.eigenvalues - found.eigenvalues).abs().max() <= 1e-5 * fine.eigenvalues[0]


def test_a_coarse_plan_times_the_products_that_will_be_done() -> None:
    minimum = wide()
    plans = [plan_spectrum(minimum, Wanted(top_k=5, tolerance=each)) for each in (1e-3, 1e-6)]
    assert [plan.operator.dtype for plan in plans] == [torch.float32, torch.float64]
    found = compute_spectrum(minimum, Wanted(top_k=5, tolerance=1e-3), operator=plans[0].operator)
    assert "Products in float32" in found.method
    small = boundary_minimum("iris-normal").minimum
    exact = compute_spectrum(small, Wanted(tolerance=1e-3))  # the exact routes stay exact
    assert exact.complete
    assert exact.eigenvectors.dtype == torch.float64


def test_rounding_of_pairs_is_at_least_that_of_any_one_of_them() -> None:
    minimum = wide()
    vectors = compute_spectrum(minimum, Wanted(top_k=5)).eigenvectors
    quick = quick_hessian(minimum, hessian(minimum)).operator
    alone = [rounding_of(quick, minimum, vector[None]) for vector in vectors]
    together = [rounding_of(quick, minimum, vectors, seed=seed) for seed in range(5)]
    sums = sum(each**2 for each in alone) ** 0.5
    assert min(alone) > 0
    assert 0.3 * sums <= sum(together) / 5 <= 2 * sums


def test_pairs_that_float32_overflows_on_or_cannot_vouch_for_are_done_in_float64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minimum = wide()
    monkeypatch.setattr(spectrum_module, "rounding_of", lambda *_, **__: 1.0)
    found = compute_spectrum(minimum, Wanted(top_k=5, tolerance=1e-3))
    assert found.eigenvectors.dtype == torch.float64
    assert found.converged.all()
    torch.manual_seed(0)
    huge = prepare(Huge(many=6000), torch.randn(20, 3), torch.arange(20) % 2)
    found = compute_spectrum(huge, Wanted(top_k=1, tolerance=1e-3, trace_probes=0))
    assert found.eigenvectors.dtype == torch.float64
