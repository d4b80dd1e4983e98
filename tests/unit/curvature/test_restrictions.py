"""Every operator on some classes and some parameters against matrices of example gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.fisher import sampled_fisher, sampled_fisher_eigenvalues
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator, restrict
from minimascope.curvature.products.second_moment import SecondMoment, gradient_second_moment
from tests.unit.curvature.test_operators import (
    ROUNDING,
    Attention,
    convolutional,
    dense,
    dense_hessian,
    jacobian,
)

CLASSES = [0, 2]
SEED = 5


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "chain": (mlp, (4,)),
    "convolution": (convolutional, (1, 4, 4)),
    "attention": (Attention, (6, 4)),
}


@pytest.fixture(scope="module", params=NETWORKS)
def minimum(request: pytest.FixtureRequest) -> Minimum:
    torch.manual_seed(0)
    network, shape = NETWORKS[request.param]
    return prepare(network(), torch.randn(11, *shape), torch.arange(11) % 3)


def some_classes(minimum: Minimum) -> Minimum:
    return minimum.subset(torch.isin(minimum.targets, torch.tensor(CLASSES)))


def probabilities(part: Minimum) -> Tensor:
    return torch.softmax(part.logits(part.theta, part.inputs).detach(), 1)


def example_gradients(part: Minimum) -> Tensor:
    residual = probabilities(part) - nn.functional.one_hot(part.targets, 3)
    return torch.einsum("nk,nkp->np", residual, jacobian(part))


def expected_ggn(part: Minimum) -> Tensor:
    P, J = probabilities(part), jacobian(part)
    Lambda = torch.diag_embed(P) - P[:, :, None] * P[:, None, :]
    return torch.einsum("nka,nkl,nlb->ab", J, Lambda, J) / part.n


def expected_moment(part: Minimum) -> Tensor:
    g = example_gradients(part)
    return g.T @ g / part.n


def expected_covariance(part: Minimum) -> Tensor:
    return torch.cov(example_gradients(part).T, correction=0)


def expected_sampled(part: Minimum) -> Tensor:
    logits = part.logits(part.theta, part.inputs).detach()
    drawn = part.loss.sampled_residual(logits, part.targets, torch.Generator().manual_seed(SEED))
    g = torch.einsum("nk,nkp->np", drawn, jacobian(part))
    return g.T @ g / part.n


OPERATORS: dict[str, tuple[Callable[[Minimum], Operator], Callable[[Minimum], Tensor]]] = {
    "Hessian": (hessian, dense_hessian),
    "GGN": (ggn, expected_ggn),
    "second moment": (gradient_second_moment, expected_moment),
    "covariance": (lambda part: gradient_second_moment(part, "centred"), expected_covariance),
    "sampled Fisher": (lambda part: sampled_fisher(part, seed=SEED), expected_sampled),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_on_some_classes_is_that_of_their_mean_loss(
    minimum: Minimum, name: str
) -> None:
    part = some_classes(minimum)
    assert 0 < part.n < minimum.n
    make, expected = OPERATORS[name]
    assert (dense(make(part)) - expected(part)).abs().max() <= ROUNDING


@pytest.mark.parametrize("name", OPERATORS)
def test_classes_and_parameters_are_restricted_together(minimum: Minimum, name: str) -> None:
    part = some_classes(minimum)
    make, expected = OPERATORS[name]
    matrix = expected(part)
    scattered = torch.tensor([1, 4, 5, minimum.dim - 1])
    mask = torch.zeros(minimum.dim, dtype=torch.bool)
    mask[3:9] = True
    for indices in (scattered, mask):
        block = dense(restrict(make(part), indices))
        assert (block - matrix[indices][:, indices]).abs().max() <= ROUNDING


def test_the_second_moment_along_vectors_is_that_of_the_matrix(minimum: Minimum) -> None:
    V = torch.randn(4, minimum.dim, dtype=torch.float64)
    C = expected_moment(minimum)
    residual = likelihood_of(minimum, minimum.inputs, minimum.targets).residual
    along, trace = SecondMoment(minimum, residual).along(V)
    # Sums of some hundred squares of order ten.
    assert (along - torch.einsum("bp,pq,bq->b", V, C, V)).abs().max() <= 100 * ROUNDING
    assert abs(trace - float(C.trace())) <= 100 * ROUNDING


def test_eigenvalues_of_a_sampled_fisher_are_those_of_the_matrix(minimum: Minimum) -> None:
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    found = sampled_fisher_eigenvalues(minimum, likelihood, draws=2, seed=SEED)
    # The first draw is the operator's.
    expected = torch.linalg.eigvalsh(expected_sampled(minimum))[-minimum.n :]
    assert (found[0] - expected).abs().max() <= 100 * ROUNDING
    assert not torch.equal(found[0], found[1])
