"""The spectrum of matrices whose eigenvalues are known beforehand, by every route."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from minimascope.curvature.krylov.block import (
    expand,
    krylov_space,
    random_rows,
    ritz,
    ritz_vectors,
)
from minimascope.curvature.products.operator import Operator, from_matrix
from minimascope.curvature.running.clock import silent
from minimascope.curvature.running.run import Run
from minimascope.curvature.spectrum import route as routes
from minimascope.curvature.spectrum.eigenpairs import dense_pairs, lanczos_pairs, low_rank_pairs
from minimascope.curvature.spectrum.route import Room
from minimascope.curvature.spectrum.spectrum import operator_spectrum
from minimascope.curvature.spectrum.wanted import Wanted


def with_spectrum(values: Tensor, *, seed: int = 0) -> Operator:
    """A random symmetric matrix with these eigenvalues."""
    generator = torch.Generator().manual_seed(seed)
    size = values.numel()
    square = torch.randn(size, size, generator=generator, dtype=torch.float64)
    vectors = torch.linalg.qr(square)[0]
    return from_matrix((vectors * values.double()) @ vectors.T)


INDEFINITE = torch.cat([torch.linspace(-3, 2, 57), torch.tensor([5.0, 9.0, 20.0])])
DEFICIENT = torch.cat([torch.tensor([4.0, 1.0, 1e-3, 1e-7, -0.5]), torch.zeros(295)])
NEGATIVE = torch.linspace(-9, -1, 40)
REPEATED = torch.cat([torch.full((5,), 3.0), torch.full((5,), -1.0), torch.zeros(20)])


@pytest.mark.parametrize("values", [INDEFINITE, DEFICIENT, NEGATIVE, REPEATED])
def test_dense_route_finds_prescribed_eigenvalues(values: Tensor) -> None:
    pairs = dense_pairs(with_spectrum(values), top_k=8, progress=silent)
    expected = values.double().sort(descending=True).values
    assert (pairs.values - expected[:8]).abs().max() <= 1e-13 * expected.abs().max() * 10
    assert pairs.lambda_min == pytest.approx(float(expected[-1]), abs=1e-12)
    assert pairs.complete


@pytest.mark.parametrize("values", [DEFICIENT, REPEATED.repeat(10)])
def test_exhausted_krylov_space_finds_every_nonzero_eigenvalue(values: Tensor) -> None:
    pairs = low_rank_pairs(
        with_spectrum(values),
        Wanted(top_k=8, tolerance=1e-6),
        capacity=250,
        run=Run(seed=0),
    )
    assert pairs is not None
    assert pairs.complete
    nonzero = values.double()[values != 0].sort(descending=True).values
    assert pairs.known_values.numel() == nonzero.numel()
    assert (pairs.known_values - nonzero).abs().max() <= 1e-12 * nonzero.abs().max()
    assert pairs.values.numel() == 8
    assert pairs.lambda_min == pytest.approx(float(values.min()), abs=1e-12)


def test_full_rank_is_never_called_complete() -> None:
    bulk, outliers = torch.linspace(0.1, 1, 297), torch.tensor([10.0, 20.0, 30.0])
    spread = with_spectrum(torch.linspace(0.1, 1, 300))
    limits = {"capacity": 250, "run": Run()}
    assert low_rank_pairs(spread, Wanted(top_k=3), **limits) is None
    outlying = with_spectrum(torch.cat([bulk, outliers]))
    pairs = low_rank_pairs(outlying, Wanted(top_k=2), **limits)
    # λ_min belongs to what has to converge, and does not within 250 of 300 dimensions.
    assert pairs is None or not pairs.complete


def test_a_rank_that_was_underestimated_repeats_no_product() -> None:
    values = torch.cat([torch.linspace(-1, 2, 1090), torch.zeros(10)])
    spectrum = operator_spectrum(with_spectrum(values), Wanted(top_k=5), route="low_rank")
    assert spectrum.complete
    assert abs(spectrum.trace - float(values.double().sum())) <= 1e-9
    expected = values.double()[values != 0].sort(descending=True).values
    assert (spectrum.known_eigenvalues - expected).abs().max() <= 1e-12
    # One product a dimension, the recomputed residuals, and four probes that look what is left.
    assert spectrum.products <= 1100 + 5 + 4


@pytest.mark.parametrize("capacity", [60, 30, 20])
def test_thick_restart_finds_both_ends(capacity: int) -> None:
    operator = with_spectrum(torch.linspace(-1, 1, 400) ** 3 * 10, seed=3)
    pairs = lanczos_pairs(
        operator,
        Wanted(top_k=5, tolerance=1e-8),
        Room(capacity=capacity, limit=1000),
        run=Run(seed=0),
    )
    expected = (torch.linspace(-1, 1, 400).double() ** 3 * 10).flip(0)
    # Eigenvalue error ≤ residual = 1e-8 λ1 (Weyl); linspace itself is float32-rounded.
    assert (pairs.values - expected[:5]).abs().max() <= 1e-5
    assert pairs.lambda_min == pytest.approx(-10, abs=1e-5)
    assert operator.products < 1000


def test_residuals_cost_no_product_where_images_were_kept() -> None:
    values = torch.linspace(-1, 1, 400) ** 3 * 10
    found = {}
    for kept in (30, 29, 0):  # a basis of 30 outgrows 29 images
        operator = with_spectrum(values, seed=3)
        room = Room(capacity=30, limit=1000, images=kept)
        pairs = lanczos_pairs(operator, Wanted(top_k=5, tolerance=1e-8), room, run=Run())
        assert (pairs.images is not None) == (kept == 30)
        found[kept] = pairs
        images = operator.matmat(pairs.vectors)
        if pairs.images is not None:
            # Sums of products of unit coordinates through several restarts: 1e-12 of λ1 = 10.
            assert (pairs.images - images).abs().max() <= 1e-11
    assert torch.equal(found[30].values, found[0].values)
    assert torch.equal(found[29].values, found[0].values)


def test_what_is_not_asked_for_costs_no_product() -> None:
    values = torch.linspace(0, 1, 5000, dtype=torch.float64) ** 9
    operators = [Operator(lambda rows: rows * values, 5000) for _ in range(2)]  # diagonal
    whole = operator_spectrum(operators[0], Wanted(top_k=2, tolerance=1e-3))
    bare = operator_spectrum(
        operators[1], Wanted(top_k=2, tolerance=1e-3, lowest=None, trace_probes=0)
    )
    assert bare.trace is None
    assert bare.converged.all()
    assert bare.products <= whole.products - 16


def test_a_short_budget_leaves_pairs_unconverged() -> None:
    operator = with_spectrum(torch.linspace(-1, 1, 500), seed=1)
    pairs = lanczos_pairs(
        operator,
        Wanted(top_k=5, tolerance=1e-6),
        Room(capacity=100, limit=20),
        run=Run(seed=0),
    )
    vectors = pairs.vectors
    residuals = (operator.matmat(vectors) - pairs.values[:, None] * vectors).norm(dim=1)
    assert residuals.max() > 1e-6
    assert pairs.known_values.numel() < 5


def test_trace_lies_within_its_standard_error() -> None:
    values = torch.cat([torch.linspace(-1, 1, 197) + 0.2, torch.tensor([50.0, 70.0, 90.0])])
    misses = []
    for seed in range(12):
        pairs = lanczos_pairs(
            with_spectrum(values, seed=seed),
            Wanted(top_k=3, tolerance=1e-6),
            Room(capacity=100, limit=600),
            run=Run(seed=seed),
        )
        assert pairs.trace_standard_error is not None
        misses.append((pairs.trace - float(values.double().sum())) / pairs.trace_standard_error)
    # Student's t with 15 degrees of freedom: variance 15/13; 12 draws, so 3 s.d. of the mean.
    assert abs(sum(misses) / 12) <= 3 * math.sqrt(15 / 13 / 12)
    assert max(abs(miss) for miss in misses) < 6


@pytest.mark.parametrize("dim", [1, 2, 300])
def test_zero_matrix_has_a_zero_spectrum(dim: int) -> None:
    spectrum = operator_spectrum(from_matrix(torch.zeros(dim, dim).double()), Wanted(top_k=3))
    assert spectrum.eigenvalues.tolist() == [0.0] * min(3, dim)
    assert spectrum.complete
    assert spectrum.known_eigenvalues.numel() == 0
    assert spectrum.converged.all()
    assert spectrum.trace == 0.0
    assert spectrum.lambda_min == 0.0


def test_lanczos_stops_on_a_zero_matrix() -> None:
    operator = from_matrix(torch.zeros(300, 300).double())
    pairs = lanczos_pairs(
        operator,
        Wanted(top_k=3, tolerance=1e-6),
        Room(capacity=50, limit=40),
        run=Run(seed=0),
    )
    assert pairs.values.abs().max() == 0
    assert pairs.trace == pairs.trace_standard_error == 0
    assert operator.products <= 3 + 16  # the trace's own probes included


def test_one_parameter_has_one_eigenvalue() -> None:
    spectrum = operator_spectrum(from_matrix(torch.tensor([[-2.5]]).double()), Wanted(top_k=10))
    assert spectrum.eigenvalues.tolist() == [-2.5]
    assert spectrum.eigenvectors.tolist() == [[1.0]]
    assert spectrum.lambda_min == spectrum.trace == -2.5


def test_a_matrix_with_infinity_is_refused() -> None:
    matrix = torch.eye(5, dtype=torch.float64)
    matrix[2, 2] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        operator_spectrum(from_matrix(matrix))


@pytest.mark.parametrize(("top_k", "tolerance"), [(0, 1e-6), (-3, 1e-6), (3, 0.0), (3, 1.5)])
def test_impossible_requests_are_refused(top_k: int, tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"(top_k|tolerance) is"):
        operator_spectrum(with_spectrum(INDEFINITE), Wanted(top_k=top_k, tolerance=tolerance))


def test_float32_zero_level_is_that_of_float32() -> None:
    values = torch.cat([torch.tensor([4.0, 2.0, 1.0]), torch.zeros(197)])
    operator = with_spectrum(values)
    single = Operator(
        lambda rows: operator.apply(rows.double()).float(), operator.dim, torch.float32
    )
    spectrum = operator_spectrum(single, Wanted(top_k=3))
    assert spectrum.known_eigenvalues.numel() == 3
    assert (spectrum.eigenvalues - values[:3]).abs().max() <= 1e-5


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=30),
    width=st.integers(1, 6),
    seed=st.integers(0, 100),
)
def test_krylov_basis_is_orthonormal_and_projects_the_matrix(
    values: list[float], width: int, seed: int
) -> None:
    operator = with_spectrum(torch.tensor(values, dtype=torch.float64), seed=seed)
    state = krylov_space(random_rows(operator, width=width, seed=seed), capacity=operator.dim)
    while state.size < operator.dim and state.block.shape[0]:
        expand(operator, state)
    rows = state.rows
    scale = max(1e-300, max(abs(value) for value in values))
    assert (rows @ rows.T - torch.eye(state.size)).abs().max() <= 1e-12
    projection = rows @ operator.apply(rows).T
    assert (projection - state.projection[: state.size, : state.size]).abs().max() <= 1e-12 * scale


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=2, max_size=30),
    steps=st.integers(1, 10),
    width=st.integers(1, 4),
    seed=st.integers(0, 100),
)
def test_every_ritz_value_is_within_its_residual_of_an_eigenvalue(
    values: list[float], steps: int, width: int, seed: int
) -> None:
    eigenvalues = torch.tensor(values, dtype=torch.float64)
    operator = with_spectrum(eigenvalues, seed=seed)
    state = krylov_space(random_rows(operator, width=width, seed=seed), capacity=operator.dim)
    for _ in range(steps):
        if state.block.shape[0] and state.size < operator.dim:
            expand(operator, state)
    ritz_values, coordinates, residuals = ritz(state)
    distance = (ritz_values[:, None] - eigenvalues).abs().amin(1)
    rounding = 1e-11 * (1 + float(eigenvalues.abs().max()))
    assert (distance <= residuals + rounding).all()  # Weyl, for symmetric matrices
    vectors = ritz_vectors(state, coordinates)
    true = (operator.apply(vectors) - ritz_values[:, None] * vectors).norm(dim=1)
    assert (true - residuals).abs().max() <= rounding


def test_a_basis_limited_by_memory_still_keeps_its_first_images(monkeypatch) -> None:
    values = torch.linspace(0, 1, 5000, dtype=torch.float64) ** 900
    operator = Operator(lambda rows: rows * values, 5000)  # diagonal
    monkeypatch.setattr(routes, "available_bytes", lambda device: 4 * 100 * 5000 * 8)  # 100 vectors
    asked = Wanted(top_k=2, tolerance=1e-3, lowest=None, trace_probes=0)
    found = operator_spectrum(operator, asked)
    assert found.products < 50, "images are dropped beyond"
    assert f"{found.products} products" in found.method, "the residuals took more"
