"""Leave-one-out in the optimiser's metric against the formulas in dense numpy, on every route.

The reference knows nothing of the code: J by torch's own jacrev, D, P and T from what was told, one
eigendecomposition of D^(−½)(GGN + P)D^(−½) for the ridge and for the flow.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.layers.jacobian import jacobian
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.metric import metric_at
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep.exact import dual_sweep, primal_sweep
from minimascope.curvature.sweep.flow import POLES, WEIGHTS
from minimascope.curvature.sweep.matrix_free import matrix_free_sweep
from minimascope.curvature.sweep.result import Sweep
from minimascope.objective.objective import Objective
from minimascope.objective.optimiser import Optimiser
from minimascope.objective.penalty import Penalty

CLASSES = 3
WD = 0.02
N = 24

Array = np.ndarray[Any, np.dtype[np.float64]]


def perceptron() -> Minimum:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, CLASSES))
    return prepare(network, torch.randn(N, 4), torch.randint(0, CLASSES, (N,)))


def convolution() -> Minimum:
    """With a norm, whose parameters have no closed form."""
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.Tanh(),
        nn.Conv2d(2, 2, 3, stride=2),
        nn.Flatten(),
        nn.Linear(8, CLASSES),
    )
    return prepare(network, torch.randn(N, 1, 5, 5), torch.randint(0, CLASSES, (N,)))


def moments(minimum: Minimum) -> dict[str, Tensor]:
    """Second moments over four decades, as states have them."""
    torch.manual_seed(2)
    return {
        name: 10 ** (4 * torch.rand(place.shape, dtype=torch.float64) - 7)
        for name, place in minimum.places.items()
    }


DECAY = Penalty(WD)


def told(optimiser: Optimiser, penalty: Penalty = DECAY) -> Callable[[Minimum], Minimum]:
    def given(minimum: Minimum) -> Minimum:
        own = optimiser
        if own.adaptive:
            own = replace(own, second_moment=moments(minimum))
        return replace(minimum, objective=Objective(penalty=penalty, optimiser=own))

    return given


SGD = Optimiser("sgd", lr=0.05, momentum=0.9, steps=40, schedule="cosine")
ADAMW = Optimiser("adamw", lr=0.01, steps=500, schedule="cosine")
MATRICES = Penalty(WD, "matrices")
UNIFORM = {
    "sgd": told(SGD),
    "sgd without decay": told(SGD, Penalty(0.0)),
    "adamw": told(ADAMW),
    "adam without decay": told(replace(ADAMW, name="adam"), Penalty(0.0)),
}
BY_GROUP = {
    "sgd, matrices": told(SGD, MATRICES),
    "adamw, matrices": told(ADAMW, MATRICES),
    "adamw, table": told(ADAMW, Penalty(table={"0.*": 0.1, "*.weight": 0.01})),
    "adam": told(replace(ADAMW, name="adam")),
}
CASES = UNIFORM | BY_GROUP


@dataclass(frozen=True)
class Dense:
    """What the formulas give: δf, g_iᵀA⁻¹g_i and rank of the ridge, δf and rank of the flow."""

    displacement: Array
    quadratic: Array
    rank: float
    flow: Array
    flow_rank: float


def decays_of(minimum: Minimum) -> Array:
    """Weight decay per parameter, told once more."""
    penalty = minimum.objective.penalty
    found = []
    for name, q in minimum.network.named_parameters():
        if penalty.table:
            value = 0.1 if name.startswith("0.") else 0.01 * name.endswith(".weight")
        else:
            value = WD if penalty.weight_decay else 0.0
            if penalty.on == "matrices" and q.ndim < 2:
                value = 0.0
        found.append(np.full(q.numel(), value))
    return np.concatenate(found)


def seen_in_training(minimum: Minimum) -> Array:
    """False for the bias that the BatchNorm takes away."""
    first = isinstance(minimum.network[1], nn.BatchNorm2d)
    parts = [
        np.full(q.numel(), not (first and name == "0.bias"))
        for name, q in minimum.network.named_parameters()
    ]
    return np.concatenate(parts)


def dense(minimum: Minimum) -> Dense:
    network, n = minimum.network, minimum.n
    parameters = {name: q.detach() for name, q in network.named_parameters()}

    def one(chosen: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(network, chosen, (x[None],))[0]

    rows = vmap(jacrev(one), (None, 0))(parameters, minimum.inputs)
    J = torch.cat([each.flatten(2) for each in rows.values()], 2).detach().numpy()
    P = torch.softmax(network(minimum.inputs), 1).detach().numpy()
    r = P - np.eye(CLASSES)[minimum.targets.numpy()]
    L = np.einsum("nk,kl->nkl", P, np.eye(CLASSES)) - P[:, :, None] * P[:, None]
    optimiser = minimum.objective.optimiser
    seen = seen_in_training(minimum)
    D, pull = np.ones(J.shape[2]), decays_of(minimum)
    if optimiser.second_moment is not None:
        v = torch.cat([each.reshape(-1) for each in optimiser.second_moment.values()]).numpy()
        D = np.sqrt(v) + 1e-8
        D = np.maximum(D, 1e-3 * np.median(D[seen]))
        pull = pull * D if optimiser.name == "adamw" else pull
    steps = optimiser.steps or 0
    T = optimiser.lr * sum((1 + math.cos(math.pi * t / steps)) / 2 for t in range(steps))
    T /= 1 - (optimiser.momentum or 0)
    Jd = seen * J / np.sqrt(D)
    ggn = np.einsum("nkp,nkl,nlq->pq", Jd, L, Jd) / n
    mu, V = np.linalg.eigh(ggn + np.diag(pull / D))
    Z = Jd @ V

    def left_out(weights: Array) -> tuple[Array, Array, float]:
        S = np.einsum("nkp,p,nlp->nkl", Z, weights, Z) / n
        moved = S @ np.linalg.solve(np.eye(CLASSES) - L @ S, r[:, :, None])
        return moved[:, :, 0], np.einsum("nk,nkl,nl->n", r, S, r), np.einsum("nkl,nlk->", L, S)

    ridge = left_out(1 / (mu + 1 / T))
    mu = np.maximum(mu, 1e-15)
    flow = left_out(-np.expm1(-mu * T) / mu)
    return Dense(ridge[0], ridge[1] * n, ridge[2], flow[0], flow[2])


def sweep_of(minimum: Minimum, route: str) -> Sweep:
    metric = metric_at(minimum)
    assert metric.damping.value is not None
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    at = torch.tensor([metric.damping.value], dtype=torch.float64)
    if route == "matrix_free":
        products = Ggn(minimum, root=metric.root)
        return matrix_free_sweep(products, likelihood, at, metric, run=Run(3))
    return (primal_sweep if route == "primal" else dual_sweep)(minimum, likelihood, at, metric)


@pytest.mark.parametrize("network", [perceptron, convolution])
@pytest.mark.parametrize("route", ["primal", "dual"])
@pytest.mark.parametrize("case", CASES)
def test_exact_routes_equal_the_formulas(
    case: str, route: str, network: Callable[[], Minimum]
) -> None:
    minimum = CASES[case](network())
    found, truth = sweep_of(minimum, route), dense(minimum)
    assert np.allclose(found.displacement[0].numpy(), truth.displacement, rtol=1e-8, atol=1e-10)
    assert np.allclose(found.quadratic[0].numpy(), truth.quadratic, rtol=1e-8)
    assert float(found.rank[0]) == pytest.approx(truth.rank, rel=1e-8)
    assert found.filtered is not None
    # The dual takes the average of P/D where it is no one number.
    exact = route == "primal" or case in UNIFORM
    flow = found.filtered.displacement.numpy()
    error = np.linalg.norm(flow - truth.flow) / np.linalg.norm(truth.flow)
    assert error < (1e-8 if exact else 0.1)
    assert found.filtered.rank == pytest.approx(truth.flow_rank, rel=1e-8 if exact else 0.1)


@pytest.mark.parametrize("case", CASES)
def test_the_matrix_free_route_is_within_its_error_of_the_formulas(case: str) -> None:
    minimum = CASES[case](perceptron())
    found, truth = sweep_of(minimum, "matrix_free"), dense(minimum)
    at = found.examples.numpy()
    assert len(at) == N
    assert np.allclose(found.displacement[0].numpy(), truth.displacement[at], rtol=1e-3, atol=1e-4)
    assert found.rank_error is not None
    assert abs(float(found.rank[0]) - truth.rank) < 5 * float(found.rank_error[0]) + 1e-6
    assert found.filtered is not None
    assert np.allclose(found.filtered.displacement.numpy(), truth.flow[at], rtol=1e-3, atol=1e-4)
    assert found.filtered.rank == pytest.approx(truth.flow_rank, rel=0.3)


def test_the_flow_is_a_sum_of_seven_resolvents_to_twelve_digits() -> None:
    u = np.concatenate([[0.0], np.logspace(-8, 12, 2000)])
    truth = np.where(u == 0, 1.0, -np.expm1(-u) / np.where(u == 0, 1.0, u))
    found = ((WEIGHTS.numpy()[:, None] / (u + POLES.numpy()[:, None])).sum(0)).real
    assert float(np.abs(found / truth - 1).max()) < 5e-12


@pytest.mark.parametrize("case", ["sgd", "adamw", "adam"])
def test_what_is_known_of_the_hessian_is_seen_in_the_same_coordinates(case: str) -> None:
    """With the GGN in the Hessian's place its rows must give what the GGN's rows give."""
    minimum = CASES[case](perceptron())
    J = jacobian(minimum, minimum.inputs)
    half = likelihood_of(minimum, minimum.inputs, minimum.targets).half_curvature
    B = (half.mT @ J).flatten(0, 1) / math.sqrt(N)
    e, V = torch.linalg.eigh(B.mT @ B)
    found = estimate_gap(minimum, hessian=KnownHessian(e, V.mT))
    assert found.curves["soft_rank_hessian_clipped"] == pytest.approx(
        found.curves["soft_rank_ggn"], rel=1e-6
    )
    assert found.curves["tic_hessian_clipped"] == pytest.approx(found.curves["tic_ggn"], rel=1e-6)
    diagonal = found.estimates["diagonal_soft_rank"].value
    assert diagonal is not None
    D = metric_at(minimum).root
    scaled = (B.square().sum(0)) * (1 if D is None else D.square())
    assert found.lambda_ is not None
    assert diagonal * N == pytest.approx(float((scaled / (scaled + found.lambda_)).sum()), rel=1e-9)
    if D is not None:
        assert found.baselines["trace_ggn"] is None
        assert found.baselines["lambda_1"] == pytest.approx(float(e[-1]))


def test_parameters_without_decay_have_a_floor_that_does_not_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At a minimum of a loss with decay on matrices only."""
    minimum = told(Optimiser("lbfgs"), MATRICES)(at_minimum())
    found = []
    for floor in (1e-4, 1e-5, 1e-6):
        monkeypatch.setattr("minimascope.objective.metric.NO_DECAY", floor)
        result = estimate_gap(minimum)
        assert result.lambda_ == WD
        assert result.converged
        found.append(result.estimates["alo_ggn"].value)
    assert found == pytest.approx([found[1]] * 3, rel=1e-4)
    # And it is what refitting without each example gives, to the order of the linear step.
    assert found[1] == pytest.approx(by_refitting(minimum), rel=0.1)


def fit(network: nn.Module, X: Tensor, y: Tensor, weights: Tensor) -> None:
    optimizer = torch.optim.LBFGS(
        network.parameters(), max_iter=1000, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        pulled = [q.square().sum() for q in network.parameters() if q.ndim > 1]
        loss = nn.functional.cross_entropy(network(X), y, reduction="none") @ weights
        (loss + WD / 2 * torch.stack(pulled).sum()).backward()
        return float((loss + WD / 2 * torch.stack(pulled).sum()).detach())

    optimizer.step(closure)


def at_minimum() -> Minimum:
    """Convex, so that refitting without an example is what leave-one-out approximates."""
    torch.manual_seed(0)
    X = torch.randn(N, 4, dtype=torch.float64)
    y = (X[:, :CLASSES] + torch.randn(N, CLASSES)).argmax(1)
    network = nn.Linear(4, CLASSES).double()
    fit(network, X, y, torch.full((N,), 1 / N, dtype=torch.float64))
    return prepare(network, X, y)


def by_refitting(minimum: Minimum) -> float:
    X, y = minimum.inputs, minimum.targets
    total = 0.0
    for i in range(N):
        network = copy.deepcopy(minimum.network)
        weights = torch.full((N,), 1 / N, dtype=torch.float64)
        weights[i] = 0
        fit(network, X, y, weights)
        with torch.no_grad():
            after, before = network(X[i : i + 1]), minimum.network(X[i : i + 1])
            total += float(nn.functional.cross_entropy(after, y[i : i + 1]))
            total -= float(nn.functional.cross_entropy(before, y[i : i + 1]))
    return total / N
