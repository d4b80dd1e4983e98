"""The plan against what then happened."""

import pytest
import torch

from tests.reference_networks import gap_minimum
from workers.curvature.minimum import prepare
from workers.curvature.operators import hessian
from workers.curvature.planner import plan_spectrum, refuse_unless_it_fits, seconds_per_product
from workers.curvature.routes import choose_route
from workers.curvature.spectrum import compute_spectrum


def test_dense_products_are_known_beforehand() -> None:
    minimum = gap_minimum("r5_gelu_digits_noise20_wd1e-2").minimum
    plan = plan_spectrum(minimum, top_k=10)
    actual = compute_spectrum(minimum, top_k=10)
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


def test_lanczos_plan_is_near_its_products() -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(30, 130), torch.nn.Tanh(), torch.nn.Linear(130, 4)]
    network = torch.nn.Sequential(*layers)
    minimum = prepare(network, torch.randn(900, 30), torch.randint(0, 4, (900,)))
    for tolerance in (1e-3, 1e-6):
        plan = plan_spectrum(minimum, top_k=5, tolerance=tolerance)
        actual = compute_spectrum(minimum, top_k=5, tolerance=tolerance)
        assert plan.route == "lanczos"
        assert actual.converged.all()
        assert plan.products / 2 <= actual.products <= plan.products * 2
