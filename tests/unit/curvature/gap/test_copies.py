"""Augmentation as copies in the data: an original is left out with all its copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.minimum.copies import in_rows, originals
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.sweep.route import Budget, Route

RIDGE = 0.05
ORIGINALS, INPUTS, CLASSES = 30, 4, 3


def fit(network: nn.Module, X: Tensor, y: Tensor, weights: Tensor) -> nn.Module:
    """Σ weights·loss + RIDGE/2 ‖θ‖², to a gradient of 1e-9."""
    optimizer = torch.optim.LBFGS(
        network.parameters(),
        max_iter=2000,
        tolerance_grad=1e-10,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimizer.zero_grad()
        ridge = torch.stack([q.square().sum() for q in network.parameters()]).sum()
        loss = functional.cross_entropy(network(X), y, reduction="none") @ weights
        (loss + RIDGE / 2 * ridge).backward()
        return float((loss + RIDGE / 2 * ridge).detach())

    optimizer.step(closure)
    return network


def data(copies: Callable[[int], int]) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, labels and groups of noisy copies, shuffled but for the first of each original."""
    torch.manual_seed(0)
    plain = torch.randn(ORIGINALS, INPUTS, dtype=torch.float64)
    labels = (plain[:, :CLASSES] + torch.randn(ORIGINALS, CLASSES)).argmax(1)
    groups = torch.cat([torch.full((copies(i),), i) for i in range(ORIGINALS)])
    first = torch.cat([torch.arange(copies(i)) for i in range(ORIGINALS)]) == 0
    noise = 0.4 * torch.randn(len(groups), INPUTS, dtype=torch.float64)
    X = plain[groups] + noise * ~first[:, None]
    places = torch.cat([first.nonzero()[:, 0], (~first).nonzero()[:, 0]])
    rest = places[ORIGINALS:][torch.randperm(len(places) - ORIGINALS)]
    order = torch.cat([places[torch.randperm(ORIGINALS)], rest])
    return X[order], labels[groups][order], groups[order]


@cache
def trained(kind: str) -> Minimum:
    X, y, groups = data((lambda _: 3) if kind == "three" else (lambda i: 1 + i % 3))
    torch.manual_seed(1)
    network = fit(
        nn.Linear(INPUTS, CLASSES).double(),
        X,
        y,
        torch.full((len(y),), 1 / len(y), dtype=torch.float64),
    )
    minimum = prepare(network, X, y).trained(weight_decay=RIDGE)
    return replace(minimum, groups=groups)


def refitted(minimum: Minimum) -> dict[int, float]:
    """Rise of the loss on each original when it is left out with its copies, by refitting."""
    X, y, groups = minimum.inputs, minimum.targets, minimum.groups
    assert groups is not None
    weights = torch.full((len(y),), 1 / len(y), dtype=torch.float64)
    rises = {}
    for group in range(ORIGINALS):
        first = (groups == group).nonzero()[0]
        network = nn.Linear(INPUTS, CLASSES).double()
        network.load_state_dict(minimum.network.state_dict())
        fit(network, X, y, weights * (groups != group))
        with torch.no_grad():
            rises[group] = float(
                functional.cross_entropy(network(X[first]), y[first])
                - functional.cross_entropy(minimum.network(X[first]), y[first])
            )
    return rises


def found(minimum: Minimum, route: Route | None = None) -> GapResult:
    return estimate_gap(minimum, budget=Budget(route=route))


@pytest.mark.parametrize("kind", ["three", "one to three"])
def test_leaving_an_original_out_with_its_copies_equals_refitting(kind: str) -> None:
    minimum = trained(kind)
    truth = refitted(minimum)
    result = found(minimum)
    mean = sum(truth.values()) / ORIGINALS
    assert result.estimates["alo_ggn"].value == pytest.approx(mean, rel=0.05)
    # Left out one by one, with their copies still there, they would cost a fraction of it.
    naive = found(replace(minimum, groups=None)).estimates["alo_ggn"].value
    assert naive is not None
    assert naive < 0.75 * mean
    assert result.train_loss.shape == (ORIGINALS,)
    assert result.alo_loss is not None
    rises = result.alo_loss - result.train_loss
    assert float(rises.mean()) == pytest.approx(result.estimates["alo_ggn"].value)


@pytest.mark.parametrize("kind", ["three", "one to three"])
def test_both_exact_routes_agree(kind: str) -> None:
    primal, dual = (found(trained(kind), route) for route in ("primal", "dual"))
    for name in ("alo_ggn", "tic_ggn", "soft_rank_ggn"):
        assert dual.curves[name] == pytest.approx(primal.curves[name], rel=1e-7)


def test_copies_that_are_the_same_change_nothing() -> None:
    minimum = trained("three")
    assert minimum.groups is not None
    one = torch.stack([(minimum.groups == g).nonzero()[0, 0] for g in range(ORIGINALS)])
    single = replace(minimum.subset(one), groups=None)
    twice = torch.cat([one, one])
    doubled = replace(minimum.subset(twice), groups=torch.arange(ORIGINALS).repeat(2))
    for decay in (0.1, 0.5):
        known = {"weight_decay": decay, "lr": 0.1, "steps": 100}
        a, b = found(single.trained(**known)), found(doubled.trained(**known))
        for name in ("alo_ggn", "tic_ggn", "soft_rank_ggn", "alo_filter"):
            assert b.estimates[name].value == pytest.approx(a.estimates[name].value, rel=1e-8)
        assert b.diagnostics["max_leverage"] == pytest.approx(a.diagnostics["max_leverage"])


def test_products_alone_cannot_leave_copies_out_and_say_so() -> None:
    with pytest.raises(ValueError, match="can only be left out together on an exact route"):
        found(trained("three"), "matrix_free")


def test_values_of_originals_stand_in_their_rows() -> None:
    minimum = trained("one to three")
    rows = originals(minimum)
    found = in_rows(minimum, torch.arange(ORIGINALS).double())
    assert torch.equal(found[rows], torch.arange(ORIGINALS).double())
    assert int(found.isnan().sum()) == minimum.n - ORIGINALS
    assert minimum.groups is not None
    for group in range(ORIGINALS):  # the plain copy comes first
        assert int((minimum.groups == group).nonzero()[0]) in rows.tolist()
