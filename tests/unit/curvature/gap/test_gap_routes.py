"""The route of the gap estimates: the cheapest exact one, unless it would take hours."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minimascope.curvature.gap import estimate
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.layers.gram import GramCost
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep import deflated, matrix_free
from minimascope.curvature.sweep.route import Budget, Route, choose_route
from minimascope.objective.loss import Loss, LossName
from minimascope.objective.tokens import TokenCrossEntropy


@pytest.mark.parametrize(
    ("n", "outputs", "p", "route", "words"),
    [
        (1437, 10, 900, "primal", "cheaper exact route"),
        (120, 3, 10_703, "dual", "cheaper exact route"),
        # nK = 5,000 fits, but p (nK)² = 2.8·10¹⁴ operations are hours on any processor
        (500, 10, 11_000_000, "matrix_free", "operations"),
        # 48 sequences of 16 tokens of 50 words: the S_i would be 60 times the reduction
        (48, 800, 4_368, "matrix_free", "operations"),
        # neither 10⁵ × 10⁵ nor 5·10⁵ × 5·10⁵ numbers are ever held
        (50_000, 10, 100_000, "matrix_free", "Neither"),
    ],
)
def test_the_cheapest_exact_route_is_taken_unless_it_would_take_hours(
    n: int, outputs: int, p: int, route: Route, words: str
) -> None:
    # The Gram matrix of a network whose every layer is multiplied out.
    gram = GramCost(2.0 * (n * outputs) ** 2 * p, 10**8)
    chosen = choose_route(n, outputs, p, gram=gram)
    assert chosen.route == route
    assert words in chosen.reason


def nearly(
    network: nn.Module, *data: torch.Tensor, loss: Loss | LossName = "cross_entropy"
) -> Minimum:
    """As if trained with a decay of 0.05; 50 steps are near enough for what is asked here."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05, weight_decay=0.05)
    for _ in range(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data[0]).flatten(0, -2), data[1].flatten()).backward()
        optimizer.step()
    return prepare(network, *data, loss=loss).trained(weight_decay=0.05)


def test_what_is_said_of_an_example_is_of_that_example_on_every_route() -> None:
    torch.manual_seed(0)
    X = torch.randn(40, 4, dtype=torch.float64)
    minimum = nearly(nn.Linear(4, 3).double(), X, (X[:, :3] + torch.randn(40, 3)).argmax(1))
    told: dict[Route, list[tuple[float, str]]] = {"primal": [], "dual": [], "matrix_free": []}
    found = [
        estimate_gap(
            minimum,
            run=Run(progress=lambda *each, heard=heard: heard.append(each)),
            budget=Budget(route=route),
        )
        for route, heard in told.items()
    ]
    for other in found[1:]:
        assert torch.allclose(other.alo_loss, found[0].alo_loss, atol=1e-6)
        assert torch.allclose(other.moved_loss, found[0].moved_loss, atol=1e-6)
    for heard in told.values():  # a bar that moves, and never back
        shares = [share for share, _ in heard]
        assert shares == sorted(shares)
        assert len(set(shares)) > 2
        assert any("leave-one-out" in sentence for _, sentence in heard)


def test_drawn_sequences_have_their_cost_by_the_network_too() -> None:
    torch.manual_seed(0)
    ids = torch.randint(0, 5, (12, 4))
    network = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5)).double()
    minimum = nearly(network, ids[:, :-1], ids[:, 1:], loss=TokenCrossEntropy())
    found = [
        estimate_gap(minimum, budget=Budget(route=route)).estimates["alo_moved"]
        for route in ("primal", "matrix_free")
    ]
    assert found[1].value == pytest.approx(found[0].value, rel=1e-6)
    assert found[1].standard_error == pytest.approx(found[0].standard_error, rel=1e-6)


def convolving() -> Minimum:
    """A minimum whose network has convolutions, which a copy in float32 is made of."""
    torch.manual_seed(0)
    X = torch.randn(60, 1, 6, 6, dtype=torch.float64)
    y = (X.flatten(1)[:, :3] + 0.5 * torch.randn(60, 3)).argmax(1)
    layers = [nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 3)]
    return nearly(nn.Sequential(*layers).double(), X, y)


def sampled(minimum: Minimum) -> tuple[float, str]:
    found = estimate_gap(minimum, budget=Budget(route="matrix_free"), run=Run(seed=0))
    alo = found.estimates["alo_ggn"]
    return alo.value, alo.method


def test_leave_one_out_in_float32_says_how_far_it_is_from_float64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minimum = convolving()
    value, method = sampled(minimum)
    assert "leave-one-out in float32" in method
    monkeypatch.setattr(matrix_free, "ENOUGH", 0.0)  # nothing is
    exact, plain = sampled(minimum)
    assert "float32" not in plain
    assert value == pytest.approx(exact, rel=1e-3)
    assert value != exact
    monkeypatch.setattr(estimate, "single", lambda given: given)
    assert sampled(minimum)[0] == exact


def test_what_float32_cannot_hold_is_left_out_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    minimum = convolving()
    true = matrix_free.drawn_batch

    def overflowing(ggn, likelihood, flow, examples):
        if ggn.minimum.theta.dtype == torch.float32:
            raise ValueError("A product with the GGN is not finite")
        return true(ggn, likelihood, flow, examples)

    expected = sampled(minimum)[0]
    monkeypatch.setattr(matrix_free, "drawn_batch", overflowing)
    value, method = sampled(minimum)
    assert "float32" not in method
    assert value == pytest.approx(expected, rel=1e-3)


def test_what_time_broke_off_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four Lanczos steps outside nothing: several times too high, with a small standard error."""
    monkeypatch.setattr(deflated, "MAX_STEPS", 4)
    monkeypatch.setattr(deflated, "DEFLATED", 0)
    found = estimate_gap(convolving(), budget=Budget(route="matrix_free"), run=Run(seed=0))
    assert found.headline is None
    assert found.verdict == "no_estimate"
    assert "Time was over" in found.reason
    for name in ("alo_ggn", "soft_rank_ggn", "tic_ggn", "tic_ggn_uncentred"):
        estimate = found.estimates[name]
        assert estimate.value is None, name
        assert "time was over" in estimate.method, name
    assert not any(value is not None for value in found.curves["soft_rank_ggn"])
    assert found.diagnostics.get("t_alo") is None
    assert found.estimates["kfac_tic"].value > 0  # what needs no steps stands
