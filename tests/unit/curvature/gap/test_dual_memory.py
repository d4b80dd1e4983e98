"""The dual route in tiles: what it finds is what the primal one finds, in two matrices' room."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minimascope.curvature.layers import gram
from minimascope.curvature.layers.gram import GramCost
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import graphs
from minimascope.curvature.products.metric import metric_at
from minimascope.curvature.sweep import band, resolvent
from minimascope.curvature.sweep.exact import dual_sweep, primal_sweep
from minimascope.curvature.sweep.route import MEMORY_BYTES, choose_route, dual_bytes
from tests.cases.watched_results import Standing

N, CLASSES = 70, 3
ROWS = N * CLASSES
LAMBDAS = torch.tensor([1e-3, 1e-1, 3.0], dtype=torch.float64)


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several to a matrix of this size."""
    monkeypatch.setattr(gram, "TILE", 50)
    monkeypatch.setattr(gram, "CACHED", 20 * N * CLASSES**2)
    monkeypatch.setattr(band, "TILE", 150)
    monkeypatch.setattr(resolvent, "CACHED_COLUMNS", 40)


def minimum() -> Minimum:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(12, 10), nn.Tanh(), nn.Linear(10, CLASSES))
    labels = torch.randint(0, CLASSES, (N,))
    return prepare(network.double(), torch.randn(N, 12).double(), labels)


@pytest.mark.usefixtures("tiles")
def test_the_dual_route_in_tiles_finds_what_the_primal_one_finds() -> None:
    given = minimum()
    likelihood = likelihood_of(given, given.inputs, given.targets)
    metric = metric_at(given, seed=0)
    with Standing(8 * ROWS**2) as standing:
        dual = dual_sweep(given, likelihood, LAMBDAS, metric)
    assert standing.most == 2  # features and what becomes the reflectors
    primal = primal_sweep(given, likelihood, LAMBDAS, metric)
    for name in ("rank", "displacement", "quadratic", "mean_quadratic", "leverage"):
        found, other = getattr(dual, name), getattr(primal, name)
        torch.testing.assert_close(found, other, rtol=1e-8, atol=1e-10, msg=name)


def test_two_thousand_examples_of_ten_classes_have_an_exact_route() -> None:
    """LeNet's: 20,000 rows take 7 GB, a quarter of which an attempt that ran out of memory gets."""
    of_lenet = GramCost(2e12, 2e8)
    assert 6.4e9 < dual_bytes(20_000, of_lenet) < MEMORY_BYTES
    assert choose_route(2000, 10, 61_706, gram=of_lenet).route == "dual"
    few = choose_route(2000, 10, 61_706, gram=of_lenet, memory_bytes=MEMORY_BYTES // 4)
    assert few.route == "matrix_free"


def test_an_attempt_that_ran_out_plans_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "whole_memory", lambda: 10**11)
    here = torch.device("cpu")
    assert graphs.planned_bytes(MEMORY_BYTES, here) == MEMORY_BYTES
    monkeypatch.setattr(graphs, "_memory_share", 0.25)
    assert graphs.planned_bytes(MEMORY_BYTES, here) == MEMORY_BYTES // 4
    monkeypatch.setattr(graphs, "whole_memory", lambda: 4 * 10**9)
    assert graphs.planned_bytes(MEMORY_BYTES, here) == 5 * 10**8
