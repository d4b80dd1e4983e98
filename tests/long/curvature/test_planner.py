"""The plan against what then happened."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.spectrum import plan as planner
from minimascope.curvature.spectrum import timing
from minimascope.curvature.spectrum.plan import (
    STEPS_SPREAD,
    plan_spectrum,
    refuse_unless_it_fits,
    steps_expected,
)
from minimascope.curvature.spectrum.rank_pilot import SPREAD as RANK_SPREAD
from minimascope.curvature.spectrum.rank_pilot import expected_rank
from minimascope.curvature.spectrum.route import choose_route
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.timing import (
    BRIEFEST,
    CALIBRATION,
    calibration_seconds,
    seconds_per_product,
)
from minimascope.curvature.spectrum.wanted import Wanted
from tests.cases.reference_networks import gap_minimum

STEPS = Path(__file__).parents[3] / "benchmarks" / "results" / "lanczos_steps.jsonl"


def test_dense_products_are_known_beforehand() -> None:
    minimum = gap_minimum("r5_gelu_digits_noise20_wd1e-2").minimum
    plan = plan_spectrum(minimum, Wanted(top_k=10))
    actual = compute_spectrum(minimum, Wanted(top_k=10))
    assert plan.route == "dense"
    assert plan.products_limit == actual.products == minimum.dim + 10
    assert plan.seconds > plan.products * plan.seconds_per_product
    assert f"about {plan.products} " in plan.sentence
    # The dense matrix alone is p² doubles.
    assert plan.peak_bytes > 8 * minimum.dim**2


def test_a_product_takes_time() -> None:
    operator = hessian(gap_minimum("r1_softmaxreg_digits_wd1e-2").minimum)
    assert 0 < seconds_per_product(operator, width=4) < 5
    assert operator.products > 0


def test_what_is_quick_is_timed_for_a_share_of_what_it_takes() -> None:
    assert calibration_seconds(1e-3, 54) == BRIEFEST
    assert calibration_seconds(0.05, 54) == pytest.approx(0.05 * 0.05 * 54)
    assert calibration_seconds(10.0, 54) == CALIBRATION


def test_products_on_many_examples_are_timed_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    minimum = gap_minimum("r5_gelu_digits_noise20_wd1e-2").minimum
    many = minimum.subset(torch.arange(4096) % minimum.n)
    whole = plan_spectrum(many)
    timed: list[int] = []

    def noted(operator: Operator, *, width: int, products: int = 0) -> float:
        timed.append(operator.graph_bytes)
        return seconds_per_product(operator, width=width, products=products)

    for module in (planner, timing):
        monkeypatch.setattr(module, "seconds_per_product", noted)
    monkeypatch.setattr(timing, "CALIBRATION", 0.0)  # any time at all is long enough
    from_some = plan_spectrum(many)
    assert max(timed) < whole.operator.graph_bytes / 10
    assert (from_some.route, from_some.products) == (whole.route, whole.products)
    assert from_some.seconds > from_some.products * from_some.seconds_per_product > 0
    timed.clear()
    few = plan_spectrum(minimum.subset(torch.arange(200)))
    assert timed == [few.operator.graph_bytes]


def test_what_does_not_fit_is_refused_with_both_figures() -> None:
    with pytest.raises(ValueError, match=r"needs about 3 GiB .* 1\.5 GiB are free"):
        refuse_unless_it_fits(3 * 2**30, 3 * 2**29)
    refuse_unless_it_fits(5, 5)


@pytest.mark.parametrize(
    ("dim", "graph_bytes", "rank_hint", "route"),
    [
        (650, 100_000, 5000, "dense"),
        (2953, 100_000, 360, "low_rank"),
        (10703, 200_000, 450, "low_rank"),
        (9000, 2_000_000, 14370, "lanczos"),
        (3000, 100_000, 2000, "dense"),
        (1486, 10_000_000, 4000, "lanczos"),  # a convolution: p products would take a minute
        (2953, 10_000_000, 360, "lanczos"),
        (11_000_000, 10**9, 2560, "lanczos"),
    ],
)
def test_route_follows_size_and_work(
    dim: int, graph_bytes: int, rank_hint: int, route: str
) -> None:
    assert choose_route(dim, graph_bytes=graph_bytes, rank_hint=rank_hint) == route


@pytest.mark.parametrize(("dim", "route"), [(400, "dense"), (2953, "lanczos"), (1200, "lanczos")])
def test_top_pairs_alone_are_not_worth_a_whole_spectrum(dim: int, route: str) -> None:
    assert choose_route(dim, graph_bytes=100_000, rank_hint=300, whole=False) == route


def trained() -> Minimum:
    """p = 5,260 and n·K = 9,000: far from random, whose spectra have no outliers."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 70), nn.Tanh(), nn.Linear(70, 10))
    images = load_digits()
    inputs, targets = (
        torch.tensor(images.data[:900] / 16).float(),
        torch.tensor(images.target[:900]),
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimiser.step()
    return prepare(network, inputs, targets)


def test_lanczos_plan_is_near_its_products() -> None:
    minimum = trained()
    for tolerance in (1e-3, 1e-6):
        plan = plan_spectrum(minimum, Wanted(top_k=5, tolerance=tolerance))
        actual = compute_spectrum(minimum, Wanted(top_k=5, tolerance=tolerance))
        assert plan.route == "lanczos"
        assert actual.converged.all()
        low, high = plan.products_range
        assert low <= actual.products <= high <= plan.products_limit
        assert plan.products / 1.5 <= actual.products <= plan.products * 1.5
        assert plan.seconds_range[0] < plan.seconds < plan.seconds_range[1]
        assert f"({low} to {high}, at most {plan.products_limit})" in plan.sentence


def test_expected_steps_are_the_middle_of_the_networks_they_were_fitted_to() -> None:
    rows = [json.loads(line) for line in STEPS.read_text().splitlines()]
    ratios = []
    for row in rows:
        for asked, steps in row["steps"].items():
            k, tolerance, *lowest = asked.split()
            if lowest:
                ratios.append(steps / steps_expected(int(k), float(tolerance)))
    assert len(ratios) == 18 * 8
    assert statistics.median(ratios) == pytest.approx(1, abs=0.05)
    within = [STEPS_SPREAD[0] <= ratio <= STEPS_SPREAD[1] for ratio in ratios]
    assert sum(within) >= 0.88 * len(within)  # 9 of 10, to the rounding of the two factors


@pytest.mark.parametrize("activation", [nn.Tanh, nn.GELU, nn.ReLU])
def test_the_rank_on_little_data_is_foreseen_from_two_examples(
    activation: type[nn.Module],
) -> None:
    torch.manual_seed(3)
    found = load_digits()
    inputs, targets = torch.tensor(found.data[:15] / 16), torch.tensor(found.target[:15])
    layers = [nn.Linear(64, 16), activation(), nn.Linear(16, 12), activation(), nn.Linear(12, 10)]
    minimum = prepare(nn.Sequential(*layers), inputs, targets)
    operator = hessian(minimum)
    matrix = operator.matmat(torch.eye(minimum.dim, dtype=torch.float64))
    rank = int(torch.linalg.matrix_rank(matrix, rtol=1e-10))
    assert rank < minimum.dim // 2
    low, high = RANK_SPREAD
    expected = expected_rank(minimum, operator)
    assert low * expected <= rank <= high * expected
    plan = plan_spectrum(minimum)
    assert plan.route == "low_rank"
    assert plan.products_range[0] <= compute_spectrum(minimum).products <= plan.products_range[1]


def test_no_curvature_has_no_rank() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    minimum = prepare(network, torch.zeros(4, 3), torch.zeros(4, 2), loss="mse")
    nothing = replace(hessian(minimum), apply=torch.zeros_like)
    assert expected_rank(minimum, nothing) == 0.0
