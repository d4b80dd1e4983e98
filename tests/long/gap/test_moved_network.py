"""The per-example list from the network moved to where it would be without the example."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.nn import functional

from minimascope.curvature.gap import moved_network
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty

N = 40


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def minimum(optimiser: Optimiser) -> Minimum:
    torch.manual_seed(1)
    X = torch.randn(N, 4)
    objective = Objective(penalty=Penalty(0.05, "matrices"), optimiser=optimiser)
    return prepare(network(), X, torch.randint(0, 3, (N,)), loss=objective)


@pytest.mark.parametrize(
    "optimiser",
    [
        Optimiser("sgd", lr=0.1, steps=100, schedule="step"),
        Optimiser(
            "adamw",
            lr=0.01,
            steps=1000,
            second_moment={
                name: torch.rand(q.shape, dtype=torch.float64) / 100
                for name, q in network().named_parameters()
            },
        ),
    ],
    ids=["sgd", "adamw"],
)
def test_the_largest_are_the_networks_own_at_the_moved_weights(optimiser: Optimiser) -> None:
    given = minimum(optimiser)
    found = estimate_gap(given)
    assert found.moved_loss is not None
    assert found.alo_loss is not None
    rises = found.alo_loss - found.train_loss
    worst = rises.topk(20).indices
    rest = torch.ones(N, dtype=torch.bool).index_fill(0, worst, value=False)
    assert torch.equal(found.moved_loss[rest], found.alo_loss[rest])
    truth = torch.stack([moved(given, int(i)) for i in worst])
    assert torch.allclose(found.moved_loss[worst], truth, rtol=1e-4)
    # The step is not small: the linear logits say something else.
    assert not torch.allclose(found.alo_loss[worst], truth, rtol=1e-2)
    mean = found.estimates["alo_ggn"].value
    assert mean == pytest.approx(float(rises.mean()))


def test_steps_that_take_too_many_products_leave_the_linear_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert moved_network.most_steps(1, 20) == moved_network.STEPS
    dear = int(moved_network.WORK / moved_network.USUAL_STEPS)  # an example's usual steps are all
    assert moved_network.most_steps(dear, 1) == 2 * moved_network.USUAL_STEPS
    monkeypatch.setattr(moved_network, "most_steps", lambda *_: 2)
    found = estimate_gap(minimum(Optimiser("sgd", lr=0.1, steps=100, schedule="step")))
    assert found.moved_loss is not None
    assert found.alo_loss is not None
    assert torch.equal(found.moved_loss, found.alo_loss)


def moved(given: Minimum, i: int) -> Tensor:
    """Dense: (A − J_iᵀΛ_iJ_i/n) δθ = g_i/n, A with P + D/T as told."""
    parameters = {name: q.detach() for name, q in given.network.named_parameters()}

    def f(flat: Tensor, x: Tensor) -> Tensor:
        parts = flat.split([q.numel() for q in parameters.values()])
        named = {k: v.view(q.shape) for (k, q), v in zip(parameters.items(), parts, strict=True)}
        return functional_call(given.network, named, (x,))

    theta = torch.cat([q.flatten() for q in parameters.values()])
    optimiser = given.objective.optimiser
    D, P = (
        torch.ones_like(theta),
        torch.cat(
            [torch.full((q.numel(),), 0.05 * (q.ndim > 1)) for q in parameters.values()]
        ).double(),
    )
    time = 0.1 * (50 + 25 * 0.1 + 25 * 0.01)
    if optimiser.second_moment is not None:
        D = torch.cat([v.flatten() for v in optimiser.second_moment.values()]).sqrt() + 1e-8
        D = D.clamp_min(1e-3 * float(D.median()))
        P, time = P * D, 10.0
    A = torch.diag(P + D / time)
    for j in range(N):
        if j != i:
            J = jacrev(f)(theta, given.inputs[j : j + 1])[0]
            p = torch.softmax(f(theta, given.inputs[j : j + 1])[0], 0)
            A = A + J.mT @ (torch.diag(p) - torch.outer(p, p)) @ J / N
    x, y = given.inputs[i : i + 1], given.targets[i : i + 1]
    p = torch.softmax(f(theta, x)[0], 0)
    g = jacrev(f)(theta, x)[0].mT @ (p - functional.one_hot(y, 3)[0])
    return functional.cross_entropy(f(theta + torch.linalg.solve(A, g) / N, x), y)
