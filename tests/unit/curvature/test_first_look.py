"""First looks at λ₁ and trace: their intervals hold, close, and end at the whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.spectrum.first_look import Look, _following, first_looks

N, SEEDS = 240, 40


@pytest.fixture(scope="module")
def minimum() -> Minimum:
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N, 4, generator=generator)
    y = (X[:, 0] * X[:, 1] > 0).long()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(X), y).backward()
        optimizer.step()
    return prepare(network, X, y)


@pytest.fixture(scope="module")
def truth(minimum: Minimum) -> tuple[float, float]:
    """tr H and λ₁."""
    matrix = hessian(minimum).matmat(torch.eye(minimum.dim, dtype=torch.float64))
    return float(matrix.trace()), float(torch.linalg.eigvalsh(matrix)[-1])


def looks(minimum: Minimum, seed: int, **more: int) -> list[Look]:
    first, *found = first_looks(minimum, room=lambda: 1e9, seed=seed, **more)
    assert first.top is None  # the trace comes before it
    assert first.examples == first.seen <= found[0].examples
    return found


def test_samples_nest_and_end_in_all(minimum: Minimum, truth: tuple[float, float]) -> None:
    found = looks(minimum, 0)
    sizes = [look.examples for look in found]
    assert sizes == sorted(set(sizes))
    assert [look.seen for look in found] == [min(2 * m, N) for m in sizes]
    trace, top = truth
    last = found[-1]
    assert last.examples == last.total == N
    assert last.top.low <= top <= last.top.high
    assert last.top.high - last.top.low < 0.05 * top
    assert last.trace.value == pytest.approx(trace, rel=0.5)


def test_stated_intervals_hold(minimum: Minimum, truth: tuple[float, float]) -> None:
    """Of 40 draws with a chance of 95% each, fewer than 34 come once in 700."""
    trace, top = truth
    held = [0, 0]
    for seed in range(SEEDS):
        # Half of 120 is the last sample; no draw knows the other 120 examples.
        look = looks(minimum, seed, most=120)[-1]
        assert look.examples == 60
        assert look.seen == 120
        held[0] += look.trace.low <= trace <= look.trace.high
        held[1] += look.top.low <= top <= look.top.high
    assert min(held) >= 34


def test_what_was_drawn_before_is_never_taken_for_all(minimum: Minimum) -> None:
    few = minimum.subset(torch.arange(100))
    last = looks(few, 0, total=N)[-1]
    assert (last.examples, last.seen, last.total) == (50, 100, N)
    assert last.top.high - last.top.low > 0.05 * last.top.value


def test_no_round_is_begun_that_would_not_end_in_time(minimum: Minimum) -> None:
    found = list(first_looks(minimum, room=lambda: 0.0, seed=0))
    assert [look.top is None for look in found] == [True, False]


def test_a_round_that_fits_is_as_large_as_fits() -> None:
    assert _following(10, 100, 100, 3.0) == 30  # the last
    assert _following(10, 100, 100, 9.0) == 45  # half of the time there is
    assert _following(1, 100, 100, 1e3) == 8
    assert _following(10, 100, 100, 1.5) == 15
    assert _following(10, 100, 100, 1.2) is None
    assert _following(40, 100, 100, 2.5) == 100  # the rest at once
    assert _following(40, 100, 100, 2.0) == 80
    assert _following(50, 100, 100, 1.9) is None  # all are seen: nothing is left to hold out
    assert _following(100, 100, 100, 9.0) is None
    assert _following(50, 50, 100, 9.0) is None
