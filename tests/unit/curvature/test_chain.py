"""Hand-written layer products equal autograd's, and only true chains are taken for chains."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.minimum.places import layer_indices
from minimascope.curvature.products import layout
from minimascope.curvature.products.chain.recognition import recognise
from minimascope.curvature.products.ggn import Ggn, ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.operator import Operator, restrict
from minimascope.objective.cross_entropy import CrossEntropy


def strided_convolutions() -> nn.Module:
    layers = [nn.Conv2d(2, 3, 3, padding=1, stride=2), nn.BatchNorm2d(3), nn.SiLU()]
    layers += [nn.Conv2d(3, 4, (2, 3), bias=False), nn.ReLU(), nn.MaxPool2d(2, 1)]
    return nn.Sequential(nn.Sequential(*layers), nn.Flatten(), nn.Linear(4, 3))


def pooled_convolutions() -> nn.Module:
    layers = [nn.Conv2d(2, 3, 3, dilation=(1, 2)), nn.Softplus(), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))


def positionwise() -> nn.Module:
    layers = [nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 2), nn.Flatten(), nn.BatchNorm1d(6)]
    return nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(6, 3))


def deep() -> nn.Module:
    layers = [nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6, bias=False), nn.LeakyReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(6, 6), nn.GELU(), nn.Linear(6, 3))


CHAINS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "strided convolutions": (strided_convolutions, (2, 6, 8)),
    "pooled convolutions": (pooled_convolutions, (2, 5, 8)),
    "linear at positions": (positionwise, (3, 4)),
    "deep": (deep, (5,)),
}


def randomised(network: nn.Module, inputs: Tensor, targets: Tensor, **kind: str) -> Minimum:
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    for buffer in network.buffers():
        if buffer.is_floating_point():
            nn.init.uniform_(buffer, 0.5, 1.5)
    return prepare(network, inputs, targets, **kind)


@pytest.fixture(params=CHAINS)
def chained(request: pytest.FixtureRequest) -> Minimum:
    torch.manual_seed(0)
    network, shape = CHAINS[request.param]
    return randomised(network(), torch.randn(11, *shape), torch.randint(0, 3, (11,)))


def dense(operator: Operator) -> Tensor:
    return operator.matmat(torch.eye(operator.dim, dtype=operator.dtype))


# Entries are of order ten, sums have fewer than 1e4 terms of order one.
ROUNDING = 1e-12


@pytest.mark.parametrize("operator", [hessian, ggn])
def test_chain_products_equal_autograd(
    chained: Minimum, operator: Callable[..., Operator], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recognise(chained) is not None
    by_chain = dense(operator(chained, chunk=4))
    vector = torch.randn(chained.dim, dtype=torch.float64)
    assert (operator(chained).matvec(vector) - by_chain @ vector).abs().max() <= 10 * ROUNDING
    monkeypatch.setattr(layout, "recognise", lambda _: None)
    assert (by_chain - dense(operator(chained))).abs().max() <= ROUNDING


def test_gradient_sums_of_a_chain_are_those_of_autograd(chained: Minimum) -> None:
    weights = torch.ones(1, chained.n, dtype=torch.float64)
    summed = Ggn(chained, chunk=4).gradient_sums(weights)[0] / chained.n
    assert (summed - mean_gradient(chained)).abs().max() <= ROUNDING


def test_layers_of_a_chain_multiplied_alone_have_their_blocks(chained: Minimum) -> None:
    whole, operator = dense(hessian(chained)), hessian(chained, chunk=4)
    assert operator.block is not None
    layers = list(layer_indices(chained.places).values())
    first, last = int(layers[0][0]), int(layers[-1][-1])
    for indices in (*layers, torch.cat(layers[1:]), torch.cat(layers[:2])):
        expected = whole[indices][:, indices]
        assert operator.block(range(int(indices[0]), int(indices[-1]) + 1)) is not None
        assert (dense(restrict(operator, indices)) - expected).abs().max() <= ROUNDING
    assert operator.block(range(first + 1, last)) is None


@pytest.mark.parametrize("loss", ["binary", "mse"])
def test_chain_products_hold_for_other_losses(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1 if loss == "binary" else 2))
    targets = torch.randint(0, 2, (9,)) if loss == "binary" else torch.randn(9, 2)
    minimum = randomised(network, torch.randn(9, 3), targets, loss=loss)
    by_chain = dense(hessian(minimum))
    monkeypatch.setattr(layout, "recognise", lambda _: None)
    assert (by_chain - dense(hessian(minimum))).abs().max() <= ROUNDING


class Skipping(nn.Module):
    """A residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(inputs + self.first(inputs))


class Functional(nn.Module):
    """Its activation is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(inputs)))


def tied() -> nn.Module:
    layer = nn.Linear(3, 3)
    return nn.Sequential(layer, nn.Tanh(), layer)


def frozen() -> nn.Module:
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    network[0].weight.requires_grad_(False)
    return network


def hooked() -> nn.Module:
    network = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    network[0].register_forward_hook(lambda _layer, _given, output: 2 * output)
    return network


@pytest.mark.parametrize("network", [Skipping, Functional, tied, frozen, hooked])
def test_what_is_no_chain_is_left_to_autograd(network: Callable[[], nn.Module]) -> None:
    torch.manual_seed(2)
    minimum = prepare(network(), torch.randn(6, 3), torch.randint(0, 3, (6,)))
    assert recognise(minimum) is None
    assert hessian(minimum).matvec(minimum.theta).isfinite().all()


def test_logit_curvature_keeps_its_digits_at_confident_minima() -> None:
    logits = torch.tensor([[60.0, 0.0, -3.0], [0.5, -1.0, 0.2]], dtype=torch.float64)
    labels = torch.tensor([0, 2])
    vectors = torch.randn(4, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("nkl,bnl->bnk", CrossEntropy().curvatures(logits, labels), vectors)
    found = CrossEntropy().curvature_map(logits, labels)(vectors)
    # P_c rounds to 1 in the first row, whose entries are of order exp(−60): relative errors.
    assert ((found - expected).abs() <= 1e-13 * expected.abs()).all()
