"""Gradients and curvature of every loss, by every route, against autograd of torch's criteria."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian, jacrev, vmap

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.kfac import kronecker_blocks
from minimascope.curvature.gap.measured import measured_gap, on_test
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.fisher import sampled_fisher
from minimascope.curvature.products.ggn import ggn, ggn_diagonal
from minimascope.curvature.products.gradient import example_gradients, mean_gradient
from minimascope.curvature.products.hessian import hessian as hessian_operator
from minimascope.curvature.products.operator import Operator
from minimascope.curvature.products.precision import coarse_hessian
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.curvature.sweep.route import Budget, Route
from minimascope.objective.objective import Objective
from minimascope.objective.penalty import Penalty
from tests.cases.losses import CASES, WEIGHTS

N = 9
EXACT = 1e-10  # sums of a few hundred float64 products in another order


class Skip(nn.Module):
    """No chain of layers, so autograd does its products; one logit comes as (n,)."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 4), nn.Linear(4, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.head(inputs + torch.tanh(self.first(inputs)))
        return outputs.squeeze(-1)


def chain(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, outputs))


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def minimum_of(name: str, build: Callable[[int], nn.Module] = chain) -> Minimum:
    case = CASES[name]
    _, _, y = case.ready(N)
    inputs = torch.randn(N, 4)
    objective = Objective(case.loss, Penalty(0.01))
    return prepare(build(case.outputs), inputs, y, loss=objective)


def criterion(name: str, y: Tensor) -> Callable[[Tensor], Tensor]:
    """Torch's own losses of all examples (n,), whose mean is the objective."""
    w = torch.tensor(WEIGHTS, dtype=torch.float64)
    epsilon = {"smoothed": 0.1, "weighted labels": 0.1}.get(name, 0.2 if "smoothed" in name else 0)
    classes = w if "class weights" in name or name == "weighted labels" else None
    cross = nn.CrossEntropyLoss(classes, reduction="none", label_smoothing=epsilon)
    if "positions" in name:
        counted = y != -100
        total = float((w if classes is not None else torch.ones(4))[y[counted]].sum())
        return lambda f: N * cross(f.reshape(-1, 4), y.reshape(-1)).reshape(y.shape).sum(1) / total
    weights = torch.ones(N, dtype=torch.float64)
    if name.startswith("weighted"):
        weights, y = y[:, 0], y[:, 1:]
        y = y[:, 0].long() if name in ("weighted labels", "weighted binary") else y
    if "binary" in name or "several" in name:
        positive = {"one of several labels": 3.0, "several labels with pos_weight": [0.5, 1.0, 4.0]}
        told = positive.get(name, None if name in ("binary", "several labels") else 2.5)
        p = None if told is None else torch.tensor(told, dtype=torch.float64)
        each = nn.BCEWithLogitsLoss(pos_weight=p, reduction="none")
        return lambda f: weights * each(f, y.reshape(f.shape).double()).mean(1)
    if "squares" in name:
        factor = f_squares(name, y.shape[1])
        return lambda f: weights * factor * (f - y).square().mean(1)
    # Labels are normalised by their weights' sum, soft labels by n.
    scale = 1.0 if classes is None or y.ndim == 2 else N / float(w[y].sum())
    return lambda f: weights * scale * cross(f, y)


def f_squares(name: str, outputs: int) -> float:
    """MSELoss is the mean of squares, the Gaussian K/2 times that."""
    return outputs / 2 if name == "squares" else 1.0


def reference(name: str, minimum: Minimum) -> dict[str, Tensor]:
    """Gradients, Hessian, GGN and second moment, all by autograd."""
    losses = criterion(name, minimum.targets)

    def f(theta: Tensor) -> Tensor:
        network, named = minimum.network, minimum.unflatten(theta)
        return functional_call(network, named, (minimum.inputs,)).reshape(N, -1)

    theta = minimum.theta
    rows, J = jacrev(lambda q: losses(f(q)))(theta), jacrev(f)(theta)
    blocks = hessian(lambda logits: losses(logits).mean())(f(theta))
    return {
        "rows": rows,
        "gradient": grad(lambda q: losses(f(q)).mean())(theta),
        "hessian": hessian(lambda q: losses(f(q)).mean())(theta),
        "ggn": torch.einsum("ikp,ikjl,jlq->pq", J, blocks, J),
        "moment": rows.mT @ rows / N,
    }


def matrix(operator: Operator) -> Tensor:
    return operator.matmat(torch.eye(operator.dim, dtype=operator.dtype))


@pytest.mark.parametrize("build", [chain, Skip])
def test_gradients_and_matrices_are_those_of_torchs_criterion(
    name: str, build: Callable[[int], nn.Module]
) -> None:
    minimum = minimum_of(name, build)
    expected = reference(name, minimum)
    found = {
        "rows": example_gradients(minimum, torch.arange(N)),
        "gradient": mean_gradient(minimum),
        "hessian": matrix(hessian_operator(minimum)),
        "ggn": matrix(ggn(minimum)),
        "moment": matrix(gradient_second_moment(minimum)),
    }
    for what, value in found.items():
        assert (value - expected[what]).abs().max() <= EXACT, what


def test_the_diagonal_and_the_sampled_fisher_belong_to_the_ggn(name: str) -> None:
    minimum = minimum_of(name)
    expected = matrix(ggn(minimum))
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    assert (ggn_diagonal(minimum, likelihood) - expected.diagonal()).abs().max() <= EXACT
    draws = torch.stack([matrix(sampled_fisher(minimum, seed=seed)) for seed in range(150)])
    error = draws.std(0) / 150**0.5
    # About 60 eigenvalue-independent directions: 5 standard errors, and seeds are fixed.
    assert ((draws.mean(0) - expected).abs() <= 5 * error + EXACT).all()


def test_kronecker_factors_of_one_example_are_its_ggn(name: str) -> None:
    whole = minimum_of(name, lambda outputs: nn.Sequential(nn.Linear(4, outputs)))
    minimum = replace(whole, inputs=whole.inputs[1:2], targets=whole.targets[1:2])
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    (block,) = kronecker_blocks(minimum, likelihood)
    values = torch.linalg.eigvalsh(matrix(ggn(minimum)))
    found = block.eigenvalues.flatten()
    # A has only the rank that was seen: the rest are zeros.
    expected = values[-len(found) :].clamp_min(0)
    assert (found.sort().values - expected).abs().max() <= EXACT
    rows = example_gradients(minimum, torch.arange(1))
    assert float(block.second_moment.sum()) == pytest.approx(float(rows.square().sum()), rel=1e-9)


def test_float32_multiplies_with_the_same_hessian(name: str) -> None:
    minimum = minimum_of(name)
    vector = torch.randn(minimum.dim, dtype=torch.float64)
    exact = hessian_operator(minimum).matvec(vector)
    coarse = coarse_hessian(minimum, 1e-3).matvec(vector.float()).double()
    # Sums of some hundred float32 products.
    assert (coarse - exact).norm() <= 1e-5 * exact.norm()


def test_all_routes_of_the_gap_agree(name: str) -> None:
    minimum = minimum_of(name)
    routes: list[Route] = ["primal", "dual", "matrix_free"]
    found = {route: estimate_gap(minimum, budget=Budget(route=route)) for route in routes}
    for quantity in ("alo_ggn", "soft_rank_ggn"):
        values = {route: each.estimates[quantity].value for route, each in found.items()}
        assert values["dual"] == pytest.approx(values["primal"], rel=1e-8)
        tolerance = 1e-3 if quantity == "alo_ggn" else 0.2  # soft rank is of random probes
        assert values["matrix_free"] == pytest.approx(values["primal"], rel=tolerance)
    plain = likelihood_of(minimum, minimum.inputs, minimum.targets).plain
    assert torch.equal(found["primal"].train_loss, plain.nll())


def test_a_subset_is_normalised_for_itself() -> None:
    minimum = minimum_of("class weights")
    rows = torch.tensor([0, 1, 5])
    subset = minimum.subset(rows)
    outputs = minimum.network(minimum.inputs[rows]).detach()
    weights = torch.tensor(WEIGHTS, dtype=torch.float64)
    expected = nn.functional.cross_entropy(outputs, minimum.targets[rows], weights)
    found = subset.loss.mean(outputs, subset.targets)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_hard_labels_measure_the_gap_of_soft_ones() -> None:
    minimum = minimum_of("soft labels")
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    labels = torch.arange(N) % 4
    with torch.no_grad():
        f = minimum.network(minimum.inputs)
    cross = nn.functional.cross_entropy
    expected = float(cross(f, labels) - cross(f, minimum.targets))
    found = measured_gap(likelihood, on_test(minimum, (minimum.inputs, labels)))
    assert found.value == pytest.approx(expected, rel=1e-12)
    hard = replace(minimum, targets=labels)
    likelihood = likelihood_of(hard, hard.inputs, labels)
    found = measured_gap(likelihood, on_test(hard, (hard.inputs, minimum.targets)))
    assert found.value == pytest.approx(-expected, rel=1e-12)


def test_vmapped_losses_are_the_losses(name: str) -> None:
    loss, f, y = CASES[name].ready(N)
    each = vmap(lambda f, y: loss.values(f[None], y[None])[0])(f, y)
    assert (each - loss.values(f, y)).abs().max() <= 1e-12
