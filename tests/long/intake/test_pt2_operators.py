"""Operators beyond plain layers: outputs, H- and GGN-products of the file are those of the eager

network, or of the same formula where torch's own kernel has no second derivative.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import minimascope
from minimascope.contract.problems import ProblemError
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.values.checkpoint import read_checkpoint

Formula = Callable[["Net", Tensor], Tensor]
LABELS = torch.tensor([0, 1, 2, 0, 1])


class Net(nn.Module):
    """A linear layer, a formula on what it gives, a linear head."""

    def __init__(self, formula: Formula) -> None:
        super().__init__()
        self.formula = formula
        self.into, self.head = nn.Linear(6, 6), nn.Linear(6, 3)
        self.w = nn.Parameter(torch.randn(6, 6))
        self.table = nn.Parameter(torch.randn(9, 6))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.formula(self, x))


def network(formula: Formula) -> Net:
    torch.manual_seed(0)
    return Net(formula).eval()


def reals() -> Tensor:
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(1))


def words() -> Tensor:
    return torch.randint(0, 9, (5, 4), generator=torch.Generator().manual_seed(1))


def bag(mode: str) -> Formula:
    return lambda net, x: functional.embedding_bag(x, net.table, mode=mode)


def bag_by_hand(mode: str) -> Formula:
    if mode == "max":
        return lambda net, x: net.table[x].amax(1)
    return lambda net, x: getattr(net.table[x], mode)(1)


def sampled(mode: str, padding: str, corners: bool) -> Formula:
    def formula(net: Net, x: Tensor) -> Tensor:
        image = net.into(x).view(-1, 1, 2, 3)
        grid = 1.2 * torch.tanh(x[:, :4] * net.w[0, :4]).view(-1, 1, 2, 2)
        found = functional.grid_sample(
            image, grid, mode=mode, padding_mode=padding, align_corners=corners
        )
        return found.flatten(1).repeat(1, 3)

    return formula


def distances(p: float) -> Formula:
    return lambda net, x: torch.cdist(net.into(x), net.w, p=p)


def distances_by_hand(p: float) -> Formula:
    return lambda net, x: torch.linalg.vector_norm(net.into(x)[:, None] - net.w, p, dim=-1)


def filtered(net: Net, x: Tensor) -> Tensor:
    return torch.fft.irfft(torch.fft.rfft(net.into(x)) * torch.fft.rfft(net.w[0]), n=6)


def of_complex(net: Net, x: Tensor) -> Tensor:
    y = torch.fft.fft(net.into(x)) * (1 + 2j)
    polar = torch.polar(net.into(x).exp(), net.w[0]).conj()
    return y.abs() + torch.view_as_real(y)[..., 1] + (polar * torch.complex(x, x)).real


def scattered(net: Net, x: Tensor) -> Tensor:
    y = net.into(x)
    places = torch.tensor([[0, 1, 1, 2, 5, 5]]).expand(x.shape[0], -1)
    added = torch.zeros_like(y).scatter_add(1, places, y)
    put = torch.zeros_like(y).scatter(1, x.argsort(1), y)
    return added + put + torch.zeros_like(y).scatter_reduce(1, places, y, "amax")


def summed(net: Net, x: Tensor) -> Tensor:
    y = net.into(x)
    return y.cumsum(1) + y.cumprod(1) + y.logcumsumexp(1) + y.cummax(1).values


def summed_by_hand(net: Net, x: Tensor) -> Tensor:
    """torch's own logcumsumexp has a second derivative that is not a number."""
    y = net.into(x)
    return y.cumsum(1) + y.cumprod(1) + y.exp().cumsum(1).log() + y.cummax(1).values


def contracted(net: Net, x: Tensor) -> Tensor:
    return torch.einsum("bi,ij,bj->bi", x, net.w, net.into(x)) + torch.tensordot(x, net.w, 1)


def chosen(net: Net, x: Tensor) -> Tensor:
    return torch.cond(
        net.w.sum() > 0, lambda y: y.sin(), lambda y: y.cos() * net.w[0], (net.into(x),)
    )


def chosen_by_hand(net: Net, x: Tensor) -> Tensor:
    y = net.into(x)
    return torch.where(net.w.sum() > 0, y.sin(), y.cos() * net.w[0])


def written(net: Net, x: Tensor) -> Tensor:
    """In place: by a mask, into a slice, at places, in a view, all of it."""
    y = net.into(x).clone()
    y[y < 0] = 0.5
    y[:, 1:3] = x[:, :2] * net.w[0, :2]
    y[:, torch.tensor([0, 5])] = y[:, 2:4].sin()
    y[:, 3].mul_(2)
    z = torch.zeros_like(y)
    z.copy_(y * y)
    return y + z


def written_by_hand(net: Net, x: Tensor) -> Tensor:
    y = net.into(x)
    a = torch.where(y < 0, 0.5, y)
    left = x[:, :2] * net.w[0, :2]
    ends = torch.stack([left[:, 1], a[:, 3]], 1).sin()
    rows = [ends[:, 0], left[:, 0], left[:, 1], 2 * a[:, 3], a[:, 4], ends[:, 1]]
    b = torch.stack(rows, 1)
    return b + b * b


SAME: dict[str, tuple[Formula, Formula, Callable[[], Tensor]]] = {
    **{f"bag {m}": (bag(m), bag_by_hand(m), words) for m in ("sum", "mean", "max")},
    **{f"cdist {p}": (distances(p), distances_by_hand(p), reals) for p in (1.0, 2.0, 3.0)},
    "cond": (chosen, chosen_by_hand, reals),
    "summed": (summed, summed_by_hand, reals),
    "written in place": (written, written_by_hand, reals),
    **{
        each.__name__: (each, each, reals) for each in (filtered, of_complex, scattered, contracted)
    },
}


def minimum_of_file(net: nn.Module, inputs: Tensor, folder: Path) -> Minimum:
    minimascope.export(net, inputs, folder / "net.pt2")
    read = read_checkpoint(folder / "net.pt2", workdir=folder)
    return prepare(build_network(read, None), inputs, LABELS)


def in_order_of(ours: Minimum, theirs: Minimum, vector: Tensor) -> Tensor:
    """A vector in their θ as one in ours; what a program does not use is not in it."""
    return torch.cat([vector[theirs.places[name].slice] for name in ours.names])


@pytest.mark.parametrize("name", SAME)
def test_products_of_the_file_are_those_of_the_network(name: str, tmp_path: Path) -> None:
    formula, reference, inputs = SAME[name]
    ours = minimum_of_file(network(formula), inputs(), tmp_path)
    theirs = prepare(network(reference), inputs(), LABELS)
    torch.testing.assert_close(
        ours.logits(ours.theta, ours.inputs), theirs.logits(theirs.theta, theirs.inputs)
    )
    vector = torch.randn(theirs.dim, dtype=torch.float64)
    for place in theirs.places.values():  # a direction that both have
        if place.name not in ours.places:
            vector[place.slice] = 0
    for product in (hessian, ggn):
        found = product(ours).matvec(in_order_of(ours, theirs, vector))
        wanted = in_order_of(ours, theirs, product(theirs).matvec(vector))
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_a_sampled_grid_has_torchs_values_and_gradient(
    mode: str, padding: str, corners: bool, tmp_path: Path
) -> None:
    """torch's kernel has no second derivative: its gradient is differenced instead."""
    formula = sampled(mode, padding, corners)
    ours = minimum_of_file(network(formula), reals(), tmp_path)
    eager = network(formula).double()
    parameters = dict(eager.named_parameters())
    own = [parameters[name] for name in ours.names]
    theta = torch.nn.utils.parameters_to_vector(own).detach()

    def gradient(at: Tensor) -> Tensor:
        torch.nn.utils.vector_to_parameters(at, own)
        loss = functional.cross_entropy(eager(reals().double()), LABELS)
        return torch.cat(
            [g.flatten() for g in torch.autograd.grad(loss, own, materialize_grads=True)]
        )

    torch.testing.assert_close(
        ours.logits(ours.theta, ours.inputs), eager(reals().double()).detach()
    )
    vector = torch.randn(ours.dim, dtype=torch.float64)
    step = 1e-5  # central: its own error is of the order of step²
    wanted = (gradient(theta + step * vector) - gradient(theta - step * vector)) / (2 * step)
    torch.testing.assert_close(hessian(ours).matvec(vector), wanted, rtol=1e-5, atol=1e-6)


def test_a_size_beside_the_batch_may_be_free(tmp_path: Path) -> None:
    class Long(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into, self.head = nn.Linear(3, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = torch.tanh(self.into(x))
            return self.head(y.reshape(x.shape[0], -1, 4).sum(1) / (x.shape[1] + 1) ** 0.5)

    torch.manual_seed(0)
    net = Long().eval()
    sizes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("length", min=2)}
    program = torch.export.export(net, (torch.zeros(2, 5, 3),), dynamic_shapes=(sizes,))
    torch.export.save(program, tmp_path / "net.pt2")
    read = read_checkpoint(tmp_path / "net.pt2", workdir=tmp_path)
    for length in (2, 7):
        x = torch.randn(5, length, 3)
        ours = prepare(build_network(read, None), x, LABELS)
        theirs = prepare(net, x, LABELS)
        vector = torch.randn(theirs.dim, dtype=torch.float64)
        for product in (hessian, ggn):
            wanted = product(theirs).matvec(vector)
            torch.testing.assert_close(product(ours).matvec(vector), wanted)


def test_what_is_missing_is_named_with_the_line_it_stands_in(tmp_path: Path) -> None:
    class Own(Net):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.into(x) + functional.pdist(self.w).sum())

    line = Own.forward.__code__.co_firstlineno + 1
    with pytest.raises(ProblemError) as refused:
        minimascope.export(Own(filtered), reals(), tmp_path / "net.pt2")
    assert refused.value.code == "operator_refused"
    place = (
        f"aten.pdist.default, which is not allowed ({Path(__file__).name}, line {line}, in forward)"
    )
    assert place in refused.value.sentence


def test_an_export_that_fails_says_torchs_reason(tmp_path: Path) -> None:
    def branches(net: Net, x: Tensor) -> Tensor:
        return net.into(x) if x.sum() > 0 else x

    with pytest.raises(ProblemError) as refused:
        minimascope.export(network(branches), reals(), tmp_path / "net.pt2")
    assert refused.value.code == "export_failed"
    assert "data-dependent" in refused.value.sentence
    assert "torch.cond" in refused.value.advice

    def unknown(net: Net, x: Tensor) -> Tensor:
        return net.no_such_layer(x)

    with pytest.raises(ProblemError) as refused:
        minimascope.export(network(unknown), reals(), tmp_path / "net.pt2")
    assert re.search("no attribute 'no_such_layer'", refused.value.sentence)
    assert "torch.cond" not in refused.value.advice
