"""A network that ends in its own link: the link is applied once, and derivatives are torch's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian

from minimascope import export
from minimascope.contract.objective import Link
from minimascope.contract.problems import ProblemError
from minimascope.curvature.minimum.minimum import prepare
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian as hessian_operator
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.networks.chain import Chain
from minimascope.intake.networks.output_link import LogOddsOf, as_logits
from minimascope.intake.networks.program import Program
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.objective.named import LOSSES

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

X = torch.linspace(-2, 2, 36).reshape(9, 4).cos()
LABELS = torch.arange(9) % 3


class Ends(nn.Module):
    """A small network whose outputs go through a function at the end."""

    def __init__(self, outputs: int, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.head, self.end = nn.Linear(4, 5), nn.Linear(5, outputs), end

    def logits(self, inputs: Tensor) -> Tensor:
        return self.head(torch.tanh(self.first(inputs)))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.end(self.logits(inputs))


# name: outputs, loss, what the program does at its end
SEEN: dict[str, tuple[int, str, Callable[[Tensor], Tensor]]] = {
    "Sigmoid": (1, "binary", torch.sigmoid),
    "Sigmoid, squeezed": (1, "binary", lambda f: torch.sigmoid(f).squeeze(-1)),
    "Sigmoid in place": (1, "binary", lambda f: f.clone().sigmoid_()),
    "Sigmoid of several": (3, "multilabel", torch.sigmoid),
    "Softmax": (3, "cross_entropy", lambda f: f.softmax(-1)),
    "Softmax of dim 1": (3, "cross_entropy", lambda f: f.softmax(1)),
    "LogSoftmax": (3, "cross_entropy", lambda f: f.log_softmax(1)),
    "LogSoftmax in two steps": (3, "cross_entropy", lambda f: f.softmax(1).log()),
}
# Ends that are not one known link, or not its alone.
UNSEEN: dict[str, tuple[int, str, Callable[[Tensor], Tensor]]] = {
    "one minus": (1, "binary", lambda f: 1 - torch.sigmoid(f)),
    "scaled": (3, "cross_entropy", lambda f: 0.5 * f.softmax(1) + 0.5 * (2 * f).softmax(1)),
    "over examples": (3, "cross_entropy", lambda f: f.softmax(0)),
    "gated": (1, "binary", lambda f: torch.sigmoid(f) * torch.sigmoid(f)),
}


def program(folder: Path, outputs: int, end: Callable[[Tensor], Tensor]) -> tuple[Ends, Program]:
    torch.manual_seed(0)
    network = Ends(outputs, end)
    path = export(network, X[:3], folder / "model.pt2")
    built = build_network(read_checkpoint(path, workdir=folder), None)
    assert isinstance(built, Program)
    return network, built


def unlinked(network: nn.Module, loss: str, told: Link | None = None) -> tuple[nn.Module, str]:
    with torch.no_grad():
        found = as_logits(network, X, network(X), told, LOSSES[loss])
    return found.network, " ".join(found.said)


@pytest.mark.parametrize("name", SEEN)
def test_the_last_step_of_a_program_is_the_link(tmp_path: Path, name: str) -> None:
    outputs, loss, end = SEEN[name]
    own, built = program(tmp_path, outputs, end)
    found, said = unlinked(built, loss)
    assert torch.allclose(found(X).reshape(9, -1), own.logits(X), rtol=1e-6)
    assert f"ends in {name.split(' ')[0].rstrip(',')}, which was taken for the link" in said
    assert list(dict(found.named_parameters())) == list(dict(built.named_parameters()))
    assert str(found) != str(built)  # kept state goes by what a network is called
    assert torch.equal(built(X), own(X))


@pytest.mark.parametrize("name", UNSEEN)
def test_other_ends_are_left_alone(tmp_path: Path, name: str) -> None:
    outputs, loss, end = UNSEEN[name]
    _, built = program(tmp_path, outputs, end)
    found, said = unlinked(built, loss)
    assert found is built
    if name != "over examples":
        assert "--link probabilities" in said


@pytest.mark.parametrize(
    ("layer", "loss", "outputs"),
    [
        (nn.Sigmoid(), "binary", 1),
        (nn.Sigmoid(), "multilabel", 3),
        (nn.Softmax(dim=1), "cross_entropy", 3),
        (nn.LogSoftmax(dim=-1), "cross_entropy", 3),
    ],
)
def test_the_last_layer_of_a_chain_is_the_link(layer: nn.Module, loss: str, outputs: int) -> None:
    linear = nn.Linear(4, outputs)
    chain = Chain([linear, layer, nn.Identity()], ["0", "1", "2"])
    found, said = unlinked(chain, loss)
    assert torch.equal(found(X), linear(X))
    assert "taken for the link" in said
    assert [name for name, _ in found.named_parameters()] == ["0.weight", "0.bias"]
    assert str(found) != str(chain)


def test_a_link_is_applied_twice_only_where_a_person_says_so() -> None:
    chain = Chain([nn.Linear(4, 1), nn.Sigmoid()], ["0", "1"])
    found, said = unlinked(chain, "binary", "logits")
    assert found is chain
    assert "applied twice" in said
    for loss in ("mse", "torch_mse"):  # a sigmoid may end a regression
        assert unlinked(chain, loss) == (chain, "")
    # A sigmoid is no link of the softmax: nothing is taken off, and its range is noticed.
    several = Chain([nn.Linear(4, 3), nn.Sigmoid()], ["0", "1"])
    found, said = unlinked(several, "cross_entropy")
    assert found is several
    assert "All outputs lie within [0, 1]" in said


@pytest.mark.parametrize(
    ("layers", "loss", "told", "said"),
    [
        ([nn.Linear(4, 1)], "binary", "probabilities", "they go from"),
        ([nn.Linear(4, 3), nn.Sigmoid()], "cross_entropy", "probabilities", "sum to"),
        ([nn.Linear(4, 3)], "cross_entropy", "log_probabilities", "sum to"),
        ([nn.Linear(4, 3), nn.Softmax(1)], "cross_entropy", "log_probabilities", "gives prob"),
        ([nn.Linear(4, 3), nn.LogSoftmax(1)], "cross_entropy", "probabilities", "log-prob"),
    ],
)
def test_outputs_that_are_not_what_was_told_are_refused(
    layers: list[nn.Module], loss: str, told: Link, said: str
) -> None:
    chain = Chain(layers, [str(place) for place in range(len(layers))])
    with pytest.raises(ProblemError, match=said) as caught:
        unlinked(chain, loss, told)
    assert caught.value.code == "link_mismatch"


def test_probabilities_of_any_module_become_logits_under_its_own_names() -> None:
    network = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    found, _ = unlinked(network, "binary", "probabilities")
    inputs = torch.randn(5, 4)
    torch.testing.assert_close(found(inputs), network[0](inputs))
    assert [name for name, _ in found.named_parameters()] == ["0.weight", "0.bias"]
    found.train()
    assert network.training


# name: outputs, the loss here, torch's criterion, and what the network does at its end, in ways
# that are seen and in ways that are not
CRITERIA: dict[str, tuple[int, str, Link, nn.Module, list[Callable[[Tensor], Tensor]]]] = {
    "BCELoss": (
        1,
        "binary",
        "probabilities",
        nn.BCELoss(),
        [torch.sigmoid, lambda f: 1 - torch.sigmoid(f), lambda f: torch.sigmoid(f) ** 2],
    ),
    "BCELoss of several": (
        3,
        "multilabel",
        "probabilities",
        nn.BCELoss(),
        [torch.sigmoid, lambda f: torch.sigmoid(f) ** 2],
    ),
    "NLLLoss": (
        3,
        "cross_entropy",
        "log_probabilities",
        nn.NLLLoss(),
        [lambda f: f.log_softmax(1), lambda f: f - f.logsumexp(1, keepdim=True)],
    ),
    "NLLLoss of the logarithm": (
        3,
        "cross_entropy",
        "probabilities",
        nn.NLLLoss(),
        [lambda f: f.softmax(1), lambda f: 0.5 * (f.softmax(1) + (2 * f).softmax(1))],
    ),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_gradient_and_hessian_are_those_of_torchs_criterion(tmp_path: Path, name: str) -> None:
    outputs, loss, told, criterion, ends = CRITERIA[name]
    targets = {"binary": LABELS % 2, "multilabel": (torch.rand(9, 3) < 0.4).double()}
    y = targets.get(loss, LABELS)
    for end in ends:
        own, built = program(tmp_path, outputs, end)
        own.double()
        found, _ = unlinked(built, loss, told)
        minimum = prepare(found, X, y, loss=LOSSES[loss])

        def mean(theta: Tensor, own: Ends = own, named=minimum.unflatten) -> Tensor:
            f = functional_call(own, named(theta), (X.double(),))
            f = f.log() if name == "NLLLoss of the logarithm" else f
            return criterion(f, y if loss == "cross_entropy" else y.reshape(f.shape).double())

        theta = minimum.theta.requires_grad_()
        (gradient,) = torch.autograd.grad(mean(theta), theta)
        assert (mean_gradient(minimum) - gradient).abs().max() <= 1e-10
        expected = hessian(mean)(minimum.theta)
        H = hessian_operator(minimum)
        assert (H.matmat(torch.eye(H.dim).double()) - expected).abs().max() <= 1e-10


def test_probabilities_that_round_to_one_have_finite_logits_and_slopes() -> None:
    P = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    f = LogOddsOf()(P)
    (slope,) = torch.autograd.grad(f.sum(), P)
    assert bool(f.isfinite().all() & slope.isfinite().all())
    assert f[1] == 0
    assert slope[1] == 4
