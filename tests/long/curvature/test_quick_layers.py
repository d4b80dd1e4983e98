"""GELU, SiLU and layer norm with derivatives of their own: torch's are the oracle."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import convolution, quick_layers
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.quick_layers import QuickLayers

SHAPE = (3, 4, 5)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


CASES = {
    "GELU": (functional.gelu, ()),
    "GELU by tanh": (lambda x: functional.gelu(x, approximate="tanh"), ()),
    "SiLU": (functional.silu, ()),
    "layer norm": (lambda x, w, b: functional.layer_norm(x, (5,), w, b), ((5,), (5,))),
    "of two dimensions, without bias": (
        lambda x, w: functional.layer_norm(x, (4, 5), w, None, 0.1),
        ((4, 5),),
    ),
}


@pytest.mark.parametrize(("function", "others"), CASES.values(), ids=CASES)
def test_value_and_both_derivatives(function, others: tuple):
    torch.manual_seed(0)
    given = (drawn(*SHAPE), *(drawn(*each) for each in others))

    def made(*inputs: Tensor) -> Tensor:
        with QuickLayers(linear=False):
            return function(*inputs)

    torch.testing.assert_close(made(*given), function(*given), rtol=0, atol=1e-13)
    assert gradcheck(made, given)
    assert gradgradcheck(made, given)


@pytest.mark.parametrize(("function", "others"), CASES.values(), ids=CASES)
def test_a_third_derivative_is_refused_and_not_wrong(function, others: tuple):
    given = (drawn(*SHAPE), *(drawn(*each) for each in others))
    with QuickLayers(linear=False):
        out = function(*given)
    first = torch.autograd.grad(out.square().sum(), given[0], create_graph=True)[0]
    with pytest.raises(RuntimeError, match="third derivative"):
        torch.autograd.grad(first.square().sum(), given[0], create_graph=True)


@pytest.mark.parametrize(
    ("function", "more"),
    [
        (functional.gelu, {"approximate": "sin"}),
        (functional.layer_norm, {"normalized_shape": (4,)}),
        (functional.layer_norm, {"normalized_shape": ()}),
    ],
)
def test_what_torch_refuses_is_refused_in_its_words(function, more: dict):
    x = drawn(*SHAPE)
    with pytest.raises(RuntimeError) as expected:
        function(x, **more)
    with pytest.raises(RuntimeError) as found, QuickLayers(linear=False):
        function(x, **more)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.silu(x.clone(), inplace=True),
        lambda x: functional.layer_norm(x, (5,)),
        lambda x: functional.layer_norm(x.float(), (5,), torch.ones(5).float()),
    ],
    ids=["in place", "without weight", "float32"],
)
def test_the_rest_is_torchs_to_rounding(function):
    x = drawn(*SHAPE)
    with QuickLayers(linear=False):
        found = function(x)
    torch.testing.assert_close(found, function(x), rtol=0, atol=1e-6)


class Block(nn.Module):
    """Residual, so that its products come from autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.first, self.second = nn.LayerNorm(6), nn.Linear(6, 12), nn.Linear(12, 6)
        self.act, self.swish, self.head = nn.GELU(), nn.SiLU(), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.second(self.act(self.first(self.norm(x))))
        return self.head(self.swish(x).mean(1))


def block() -> Minimum:
    torch.manual_seed(0)
    return prepare(Block(), torch.randn(9, 4, 6), torch.randint(0, 3, (9,)))


def exported(minimum: Minimum) -> Minimum:
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(minimum.network, (minimum.inputs,), dynamic_shapes=batch)
    return Minimum(program.module(), minimum.inputs, minimum.targets)


@pytest.mark.parametrize("operator", [hessian, ggn])
@pytest.mark.parametrize("given", ["module", "exported"])
def test_products_are_torchs(operator, given: str, monkeypatch):
    minimum = block() if given == "module" else exported(block())
    rows = torch.randn(4, minimum.dim, dtype=torch.float64)
    with monkeypatch.context() as left:
        left.setattr(quick_layers, "FORMS", {})
        expected = operator(minimum).matmat(rows)
    calls: list[object] = []
    counted = {k: _counting(calls, k, form) for k, form in quick_layers.FORMS.items()}
    monkeypatch.setattr(quick_layers, "FORMS", counted)
    made = operator(minimum)
    assert len({str(each) for each in calls}) == 3
    torch.testing.assert_close(made.matmat(rows), expected, rtol=0, atol=1e-13)
    singles = torch.stack([made.matvec(row) for row in rows])
    torch.testing.assert_close(singles, expected, rtol=0, atol=1e-13)


def _counting(calls: list[object], key: object, form):
    def counted(*args, **kwargs):
        calls.append(key)
        return form(*args, **kwargs)

    return counted


class Depthwise(nn.Module):
    """A block of ConvNeXt's kind, with every layer that has a form of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.spatial = nn.Conv2d(2, 4, 2, 2), nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.norm, self.wide, self.narrow = nn.LayerNorm(4), nn.Linear(4, 8), nn.Linear(8, 4)
        self.act, self.swish, self.head = nn.GELU(), nn.SiLU(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        mixed = self.narrow(self.act(self.wide(self.norm(self.spatial(x).permute(0, 2, 3, 1)))))
        return self.head(self.swish(x + mixed.permute(0, 3, 1, 2)).mean((2, 3)))


@pytest.mark.parametrize("rows", [1, 16])
def test_products_are_those_of_the_dense_matrices(rows: int, monkeypatch):
    """torch.autograd.functional.hessian and JᵀΛJ of torch.func.jacrev, nothing of ours in them."""
    monkeypatch.setattr(convolution, "TINY", 1)
    torch.manual_seed(0)
    X, y = torch.randn(7, 2, 6, 6, dtype=torch.float64), torch.randint(3, (7,))
    network = Depthwise().double()
    parts = {name: q.detach() for name, q in network.named_parameters()}
    theta = torch.cat([q.flatten() for q in parts.values()])

    def logits(at: Tensor) -> Tensor:
        values = at.split([q.numel() for q in parts.values()])
        named = {k: v.view_as(q) for (k, q), v in zip(parts.items(), values, strict=True)}
        return torch.func.functional_call(network, named, (X,))

    H = torch.autograd.functional.hessian(lambda at: functional.cross_entropy(logits(at), y), theta)
    J, p = torch.func.jacrev(logits)(theta), logits(theta).softmax(1)
    G = torch.einsum("nkp,nkl,nlq->pq", J, torch.diag_embed(p) - p[:, :, None] * p[:, None], J) / 7
    minimum = prepare(network, X, y)
    identity = torch.eye(minimum.dim, dtype=torch.float64)
    for operator, dense in ((hessian(minimum), H), (ggn(minimum), G)):
        found = torch.cat([operator.matmat(some) for some in identity.split(rows)])
        torch.testing.assert_close(found, dense, rtol=0, atol=1e-14)


class SelfDifferentiating(nn.Module):
    """Its outputs are derivatives of a network in its input, as those of physics-informed ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Conv1d(1, 4, 3), nn.LayerNorm(4), nn.Linear(4, 1)
        self.act = nn.SiLU()

    def inner(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.norm(self.first(x).mean(2)))).sum()

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.inner(x), x, create_graph=True)[0].flatten(1)


@pytest.mark.parametrize("operator", [hessian, ggn])
def test_a_network_that_differentiates_itself_has_torchs_own(operator, monkeypatch):
    monkeypatch.setattr(convolution, "TINY", 1)
    torch.manual_seed(0)
    data = torch.randn(9, 1, 5), torch.randint(0, 5, (9,))
    minimum = prepare(SelfDifferentiating(), *data)
    rows = torch.randn(2, minimum.dim, dtype=torch.float64)
    found = operator(minimum).matmat(rows)
    monkeypatch.setattr(quick_layers, "FORMS", {})
    torch.testing.assert_close(found, operator(minimum).matmat(rows), rtol=0, atol=1e-13)
    assert float(found.norm()) > 0
