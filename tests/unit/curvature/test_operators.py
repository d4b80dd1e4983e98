"""Operators against matrices from torch.func on small networks of every kind of layer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.places import layer_indices
from minimascope.curvature.products.fisher import sampled_fisher
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.gradient import example_gradients, mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator, restrict
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.objective.binary import Binary
from minimascope.objective.cross_entropy import CrossEntropy
from minimascope.objective.loss import LossName


class Attention(nn.Module):
    """Self-attention, whose fused kernels have no second derivative."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.head(mixed.mean(1))


def convolutional() -> nn.Module:
    layers = [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Dropout(0.5), nn.Flatten(), nn.Linear(12, 3))


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.SiLU(), nn.Linear(5, 3))


def embedded() -> nn.Module:
    return nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 3), nn.ReLU())


CLASSIFIERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "convolution": (convolutional, lambda: torch.randn(7, 1, 4, 4)),
    "attention": (Attention, lambda: torch.randn(7, 6, 4)),
    "layer norm": (normalised, lambda: torch.randn(7, 4)),
    "embedding": (embedded, lambda: torch.randint(0, 5, (7, 4))),
}


@pytest.fixture(params=CLASSIFIERS)
def classifier(request: pytest.FixtureRequest) -> Minimum:
    torch.manual_seed(0)
    network, inputs = CLASSIFIERS[request.param]
    return prepare(network(), inputs(), torch.randint(0, 3, (7,)))


def regression(loss: LossName) -> Minimum:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1 if loss == "binary" else 2))
    targets = torch.randint(0, 2, (9,)) if loss == "binary" else torch.randn(9, 2)
    return prepare(network, torch.randn(9, 3), targets, loss=loss)


def mean_loss(minimum: Minimum, theta: Tensor) -> Tensor:
    logits = minimum.logits(theta, minimum.inputs)
    if minimum.loss == CrossEntropy():
        return cross_entropy(logits, minimum.targets)
    if minimum.loss == Binary():
        return binary_cross_entropy_with_logits(logits[:, 0], minimum.targets.double())
    return 0.5 * (logits - minimum.targets).square().sum(1).mean()


def dense_hessian(minimum: Minimum) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):
        return torch.autograd.functional.hessian(
            lambda theta: mean_loss(minimum, theta), minimum.theta
        )


def dense(operator: Operator) -> Tensor:
    return operator.matmat(torch.eye(operator.dim, dtype=operator.dtype))


def jacobian(minimum: Minimum) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):
        return jacrev(lambda theta: minimum.logits(theta, minimum.inputs))(minimum.theta)


# Sums of fewer than 1e4 float64 terms of order one: rounding stays below 1e-12.
ROUNDING = 1e-12


def test_hessian_equals_autograd(classifier: Minimum) -> None:
    assert (dense(hessian(classifier)) - dense_hessian(classifier)).abs().max() <= ROUNDING


@pytest.mark.parametrize("retain", ["always", "never"])
@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_chunks_and_rebuilt_graphs_change_nothing(
    classifier: Minimum, chunk: int, retain: str
) -> None:
    vectors = torch.randn(3, classifier.dim, dtype=torch.float64)
    for factory in (hessian, ggn):
        cut = factory(classifier, chunk=chunk, retain=retain).matmat(vectors)
        assert (cut - factory(classifier).matmat(vectors)).abs().max() <= ROUNDING


def test_one_row_equals_batched_rows(classifier: Minimum) -> None:
    operator = hessian(classifier)
    vectors = torch.randn(4, classifier.dim, dtype=torch.float64)
    rows = torch.stack([operator.matvec(vector) for vector in vectors])
    assert (operator.matmat(vectors) - rows).abs().max() <= ROUNDING
    assert operator.products == 8


class NoBatchingRule(nn.Module):
    """Asks for a memory format that batched products cannot answer."""

    def forward(self, images: Tensor) -> Tensor:
        mixed = images.permute(0, 2, 3, 1).reshape(-1, 3) @ torch.ones(3, 3).to(images)
        return mixed.reshape(images.shape[0], 4, 4, 3).permute(0, 3, 1, 2)


def test_operations_without_a_batching_rule_are_multiplied_one_by_one() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3, padding=1), NoBatchingRule(), nn.BatchNorm2d(3), nn.Tanh()]
    network = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3))
    minimum = prepare(network, torch.randn(7, 1, 4, 4), torch.randint(0, 3, (7,)))
    assert (dense(hessian(minimum)) - dense_hessian(minimum)).abs().max() <= ROUNDING


def test_ggn_equals_softmax_fisher_of_jacobians(classifier: Minimum) -> None:
    J = jacobian(classifier)
    P = torch.softmax(classifier.logits(classifier.theta, classifier.inputs), 1)
    Lambda = torch.diag_embed(P) - P[:, :, None] * P[:, None, :]
    expected = torch.einsum("nka,nkl,nlb->ab", J, Lambda, J) / classifier.n
    assert (dense(ggn(classifier)) - expected).abs().max() <= ROUNDING


@pytest.mark.parametrize("loss", ["binary", "mse"])
def test_hessian_and_gradient_hold_for_other_losses(loss: LossName) -> None:
    minimum = regression(loss)
    assert (dense(hessian(minimum)) - dense_hessian(minimum)).abs().max() <= ROUNDING
    theta = minimum.theta.requires_grad_(True)
    (expected,) = torch.autograd.grad(mean_loss(minimum, theta), theta)
    assert (mean_gradient(minimum) - expected).abs().max() <= ROUNDING


@pytest.mark.parametrize("loss", ["binary", "mse"])
def test_ggn_holds_for_other_losses(loss: LossName) -> None:
    minimum = regression(loss)
    J = jacobian(minimum)
    P = torch.sigmoid(minimum.logits(minimum.theta, minimum.inputs))
    weight = P * (1 - P) if loss == "binary" else torch.ones_like(P)
    expected = torch.einsum("nka,nk,nkb->ab", J, weight, J) / minimum.n
    assert (dense(ggn(minimum)) - expected).abs().max() <= ROUNDING


@pytest.mark.parametrize("loss", ["binary", "mse"])
def test_gradient_second_moment_is_made_of_example_gradients(loss: LossName) -> None:
    minimum = regression(loss)
    rows = torch.arange(minimum.n).split(1)
    gradients = torch.stack([mean_gradient(minimum.subset(row)) for row in rows])
    assert torch.equal(gradients, example_gradients(minimum, torch.arange(minimum.n)))
    expected = gradients.T @ gradients / minimum.n
    assert (dense(gradient_second_moment(minimum)) - expected).abs().max() <= ROUNDING
    covariance = torch.cov(gradients.T, correction=0)
    centred = gradient_second_moment(minimum, "centred")
    assert (dense(centred) - covariance).abs().max() <= ROUNDING


def test_sampled_fisher_averages_to_the_ggn() -> None:
    minimum = regression("binary")
    draws = torch.stack([dense(sampled_fisher(minimum, seed=seed)) for seed in range(400)])
    error = draws.std(0) / 400**0.5
    # 17·18/2 dependent entries; 5 standard errors fail once in about 10⁴ runs, seeds are fixed.
    assert ((draws.mean(0) - dense(ggn(minimum))).abs() <= 5 * error + 1e-12).all()


def test_restricted_operator_is_a_principal_block(classifier: Minimum) -> None:
    block = torch.arange(3, 11)
    expected = dense(hessian(classifier))[3:11, 3:11]
    assert (dense(restrict(hessian(classifier), block)) - expected).abs().max() <= ROUNDING


def test_a_layer_multiplied_alone_has_its_block(classifier: Minimum) -> None:
    whole, operator = dense(hessian(classifier)), hessian(classifier, chunk=3)
    for name, indices in layer_indices(classifier.places).items():
        moved = range(int(indices[0]), int(indices[-1]) + 1)
        assert operator.block is not None
        assert operator.block(moved) is not None, name
        expected = whole[moved.start : moved.stop, moved.start : moved.stop]
        assert (dense(restrict(operator, indices)) - expected).abs().max() <= ROUNDING


def test_frozen_parameters_are_constants() -> None:
    torch.manual_seed(0)
    network = normalised()
    network[0].weight.requires_grad_(False)
    minimum = prepare(network, torch.randn(7, 4), torch.randint(0, 3, (7,)))
    assert hessian(minimum).dim == minimum.dim == 53 - 20
    assert (dense(hessian(minimum)) - dense_hessian(minimum)).abs().max() <= ROUNDING


class WithSpare(nn.Module):
    """A parameter that the outputs do not depend on, and no chain of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.spare = nn.Parameter(torch.ones(7))
        self.second = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(inputs)))


@pytest.mark.parametrize("operator", [hessian, ggn, gradient_second_moment])
def test_parameters_without_influence_have_zero_curvature(
    operator: Callable[..., Operator],
) -> None:
    torch.manual_seed(0)
    minimum = prepare(WithSpare(), torch.randn(12, 3), torch.arange(12) % 2)
    rows = torch.randn(5, minimum.dim, dtype=torch.float64)
    together = operator(minimum).matmat(rows)
    alone = torch.cat([operator(minimum).matmat(row[None]) for row in rows])
    assert (together - alone).abs().max() <= 1e-12
    assert minimum.places["spare"].of(together).abs().max() == 0


def test_the_network_itself_is_left_alone(classifier: Minimum) -> None:
    before = classifier.theta
    hessian(classifier).matvec(before)
    assert torch.equal(classifier.theta, before)
    assert all(q.grad is None for q in classifier.network.parameters())


def test_convolutions_on_a_gpu_keep_all_bits_of_float32() -> None:
    torch.backends.cudnn.allow_tf32 = True  # torch's own default
    regression("mse")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_parameters_that_are_not_finite_are_named() -> None:
    minimum = regression("mse")
    with torch.no_grad():
        minimum.network.get_parameter("2.bias")[1] = float("nan")
    with pytest.raises(ValueError, match=r"'2\.bias' holds 1 values that are not finite"):
        hessian(minimum)


def test_overflowing_products_are_refused() -> None:
    minimum = regression("mse")
    with torch.no_grad():
        minimum.network.get_parameter("2.weight").fill_(1e200)
    with pytest.raises(ValueError, match="product with the Hessian is not finite"):
        hessian(minimum).matvec(torch.ones(minimum.dim, dtype=torch.float64))


def test_inputs_that_are_not_finite_are_refused() -> None:
    minimum = regression("mse")
    minimum.inputs[0, 0] = float("inf")
    with pytest.raises(ValueError, match="training inputs"):
        mean_gradient(minimum)
