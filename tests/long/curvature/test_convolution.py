"""Convolutions as matrix products: torch's own are the oracle, gradcheck the judge."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import convolution, quick_layers
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.quick_layers import QuickLayers

GEOMETRIES = [
    {},
    {"padding": 1},
    {"stride": 2, "padding": (1, 0)},
    {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
]


@pytest.fixture(autouse=True)
def however_small(monkeypatch):
    """Otherwise tiny ones are torch's, and only wide ones of many images are matrix products."""
    monkeypatch.setattr(convolution, "TINY", 1)
    monkeypatch.setattr(convolution, "NARROW", 1)
    monkeypatch.setattr(convolution, "SMALL", 1)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def quick(*args, **kwargs) -> Tensor:
    with QuickLayers(linear=False):
        return nn.functional.conv2d(*args, **kwargs)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 2)])
def test_value_and_both_derivatives(geometry: dict, kernel: tuple[int, int], monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(convolution, "BLOCK_BYTES", 2000)  # several blocks
    images, weight, bias = drawn(3, 2, 6, 5), drawn(4, 2, *kernel), drawn(4)

    def made(*inputs: Tensor) -> Tensor:
        return quick(*inputs, **geometry)

    expected = nn.functional.conv2d(images, weight, bias, **geometry)
    torch.testing.assert_close(made(images, weight, bias), expected, rtol=0, atol=1e-13)
    assert gradcheck(made, (images, weight, bias))
    assert gradgradcheck(made, (images, weight, bias))


def test_batched_cotangents_are_the_single_ones():
    torch.manual_seed(0)
    images, weight = drawn(3, 2, 4, 4), drawn(4, 2, 3, 3)
    out = quick(images, weight, padding=1)
    rows = torch.randn(5, *out.shape, dtype=torch.float64)

    def pulled(row: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(out, (images, weight), row, retain_graph=True)

    together = torch.func.vmap(pulled)(rows)
    for k, row in enumerate(rows):
        for batch, one in zip(together, pulled(row), strict=True):
            torch.testing.assert_close(batch[k], one, rtol=0, atol=1e-13)


def test_tiny_ones_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(convolution, "TINY", 2 * 10**6)
    calls: list[int] = []
    monkeypatch.setattr(convolution, "convolve", counting(calls, convolution.convolve))
    for images, taken in ((50, 0), (500, 1)):
        quick(torch.ones(images, 4, 8, 8).double(), torch.ones(4, 4, 3, 3).double(), padding=1)
        assert len(calls) == taken


@pytest.mark.parametrize(
    ("images", "weight", "more"),
    [
        ((1, 2, 5, 5), (4, 2, 3, 3), {"padding": "same"}),
        ((2, 5, 5), (4, 2, 3, 3), {}),
    ],
    ids=["same", "one image"],
)
def test_the_rest_is_left_to_torch(
    images: tuple[int, ...], weight: tuple[int, ...], more: dict, monkeypatch
):
    calls: list[int] = []
    monkeypatch.setattr(convolution, "convolve", counting(calls, convolution.convolve))
    given = drawn(*images), drawn(*weight)
    assert torch.equal(quick(*given, **more), nn.functional.conv2d(*given, **more))
    assert not calls


def test_small_and_narrow_ones_are_no_matrix_products(monkeypatch):
    monkeypatch.setattr(convolution, "NARROW", 16)
    monkeypatch.setattr(convolution, "SMALL", 10**7)
    calls: list[int] = []
    monkeypatch.setattr(convolution, "ByWindows", counting(calls, convolution.ByWindows))
    for images, channels, taken in ((2, 16, 0), (256, 8, 0), (256, 16, 1)):
        like = {"dtype": torch.float64}
        quick(torch.ones(images, 16, 8, 8, **like), torch.ones(channels, 16, 3, 3, **like))
        assert len(calls) == taken


KERNELS = [
    (nn.functional.conv1d, (3, 4, 7), (6, 4, 3), {"stride": 2, "padding": 1}),
    (nn.functional.conv1d, (3, 4, 7), (8, 1, 3), {"groups": 4, "dilation": 2}),
    (nn.functional.conv2d, (3, 4, 6, 5), (6, 2, 3, 2), {"groups": 2, "padding": (1, 0)}),
    (nn.functional.conv2d, (3, 4, 6, 5), (4, 1, 3, 3), {"groups": 4, "stride": (2, 1)}),
    (nn.functional.conv3d, (2, 2, 4, 5, 3), (3, 2, 3, 2, 1), {"padding": (1, 0, 2)}),
]


@pytest.mark.parametrize(("function", "images", "weight", "more"), KERNELS)
def test_torchs_own_kernels_give_value_and_both_derivatives(
    function, images: tuple[int, ...], weight: tuple[int, ...], more: dict, monkeypatch
):
    torch.manual_seed(0)
    calls: list[int] = []
    monkeypatch.setattr(convolution, "ByTorch", counting(calls, convolution.ByTorch))
    given = drawn(*images), drawn(*weight), drawn(weight[0])

    def made(*inputs: Tensor) -> Tensor:
        with QuickLayers(linear=False):
            return function(*inputs, **more)

    torch.testing.assert_close(made(*given), function(*given, **more), rtol=0, atol=1e-13)
    assert calls
    assert gradcheck(made, given)
    assert gradgradcheck(made, given)
    rows = torch.randn(3, *made(*given).shape, dtype=torch.float64)

    def pulled(row: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(made(*given), given, row)

    together = torch.func.vmap(pulled)(rows)
    for k, row in enumerate(rows):
        for batch, one in zip(together, pulled(row), strict=True):
            torch.testing.assert_close(batch[k], one, rtol=0, atol=1e-13)


def test_products_in_float32_are_torchs_to_its_rounding(monkeypatch):
    full = skipping()
    minimum = prepare(full.network.float(), full.inputs, full.targets, dtype=torch.float32)
    rows = torch.randn(4, minimum.dim)
    with monkeypatch.context() as left:
        left.setattr(quick_layers, "FORMS", {})
        expected = hessian(minimum).matmat(rows)
    found = hessian(minimum).matmat(rows)
    assert not torch.equal(found, expected)  # others made them
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("images", "weight", "more", "sentence"),
    [
        ((1, 3, 5, 5), (4, 2, 3, 3), {}, "expected input"),
        ((1, 2, 2, 2), (4, 2, 3, 3), {}, "Kernel size"),
        ((1, 2, 5, 5), (4, 2, 3), {}, "expected stride"),
        ((1, 2, 5, 5), (4, 2, 3, 3), {"stride": 0}, "non-positive stride"),
        ((1, 2, 5, 5), (4, 2, 3, 3), {"padding": -1}, "negative padding"),
    ],
)
def test_what_torch_refuses_is_refused_in_its_words(
    images: tuple[int, ...], weight: tuple[int, ...], more: dict, sentence: str
):
    with pytest.raises(RuntimeError, match=sentence):
        quick(torch.ones(images).double(), torch.ones(weight).double(), **more)


class Skipping(nn.Module):
    """A block with a skip connection, so that its products come from autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(12, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh(self.first(images))
        hidden = torch.relu(self.norm(self.second(hidden)) + hidden)
        return self.head(nn.functional.max_pool2d(hidden, 3).flatten(1))


def skipping() -> Minimum:
    torch.manual_seed(0)
    return prepare(Skipping(), torch.randn(9, 1, 6, 6), torch.randint(0, 3, (9,)))


def exported(minimum: Minimum) -> Minimum:
    """The same network as torch.export writes it, whose graph calls ATen."""
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(minimum.network, (minimum.inputs,), dynamic_shapes=batch)
    network = program.module()
    return Minimum(network, minimum.inputs, minimum.targets)


@pytest.mark.parametrize("operator", [hessian, ggn])
@pytest.mark.parametrize("given", ["module", "exported"])
def test_products_of_a_residual_network(operator, given: str, monkeypatch):
    minimum = skipping()
    rows = torch.randn(4, minimum.dim, dtype=torch.float64)
    with monkeypatch.context() as left:
        left.setattr(quick_layers, "FORMS", {})
        expected = operator(minimum).matmat(rows)  # torch's own
    calls: list[int] = []
    monkeypatch.setattr(convolution, "convolve", counting(calls, convolution.convolve))
    made = operator(minimum if given == "module" else exported(minimum))
    assert calls, "no convolution went through the matrix product"
    torch.testing.assert_close(made.matmat(rows), expected, rtol=0, atol=1e-12)
    singles = torch.stack([made.matvec(row) for row in rows])
    torch.testing.assert_close(singles, expected, rtol=0, atol=1e-12)


def test_batches_of_a_residual_network_are_one_pass(monkeypatch):
    made = hessian(skipping())
    calls: list[int] = []
    monkeypatch.setattr(torch.autograd, "grad", counting(calls, torch.autograd.grad))
    made.matmat(torch.randn(4, made.dim, dtype=torch.float64))
    assert len(calls) == 1


def counting(calls: list[int], function):
    def counted(*args, **kwargs):
        calls.append(1)
        return function(*args, **kwargs)

    return counted
