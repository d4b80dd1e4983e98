"""Everything on a pretended GPU: no operation mixes devices, and numbers are those of the CPU."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from minimascope.analysis.costs import boundary as boundary_costs
from minimascope.analysis.costs import margins as margin_costs
from minimascope.analysis.questions.line import interpolate
from minimascope.analysis.questions.plane import slice_on_demand
from minimascope.contract.parameters import Parameters
from minimascope.contract.questions.slices import SliceRequest
from minimascope.contract.report import Report, Stage
from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.krylov.slq import ProbeSize
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products import matrix_units
from minimascope.curvature.products.fisher import sampled_fisher
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.products.second_moment import gradient_second_moment
from minimascope.curvature.spectrum.density import spectral_density
from minimascope.curvature.spectrum.layer_blocks import layer_blocks
from minimascope.curvature.spectrum.plan import plan_spectrum
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted
from minimascope.curvature.sweep.route import Budget, Route
from minimascope.objective.loss import LossName
from tests.cases.analyses import CNN, Kept, analysed, digit_images, digits_network, opened, save
from tests.cases.pretend_gpu import MixedDevicesError, OnGpu, pretend_gpu

RELATIVE = 1e-6  # of equal sums in another order
SAMPLED: list[Stage] = ["spectrum", "density", "boundary", "margins"]
ROUTES: tuple[Route, ...] = ("primal", "dual", "matrix_free")
MACHINE = {
    "device",
    "versions",
    "wall_seconds",
    "planned_seconds",
    "plan",
    "created",
    "seconds",
    "method",
}


def differing(first: Any, second: Any, path: str = "") -> list[str]:
    """Paths at which two documents differ, leaving out what depends on clock and machine."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        keys = first.keys() - MACHINE
        return [at for key in keys for at in differing(first[key], second[key], f"{path}/{key}")]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [at for i, (a, b) in pairs for at in differing(a, b, f"{path}/{i}")]
    if isinstance(first, float) and isinstance(second, float):
        return [] if first == pytest.approx(second, rel=RELATIVE, abs=1e-10) else [path]
    return [] if first == second else [path]


class Skip(nn.Module):
    """Attention, a skip connection and an embedding: goes through autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 12)
        self.block = nn.TransformerEncoderLayer(12, 2, 24, 0.0, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.block(self.embed(images.reshape(-1, 8, 8))).mean(1))


def normed() -> nn.Module:
    """Convolutions and BatchNorm: goes through the layer chain."""
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)]
    return nn.Sequential(*layers)


def dense(outputs: int = 10) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, outputs))


def minimum_of(
    make: Callable[[], nn.Module],
    device: str,
    *,
    loss: LossName = "cross_entropy",
    n: int = 30,
) -> Minimum:
    """The same network and digits on either device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make()
    images, labels = digit_images()
    images, labels = images[:n], labels[:n]
    targets: Tensor = labels
    if loss == "binary":
        targets = (labels > 4).long()
    if loss == "mse":
        targets = images.flatten(1)[:, :2].double()
    return prepare(network, images, targets, loss=loss, device=device)


def test_the_pretended_gpu_refuses_what_cuda_refuses() -> None:
    with pretend_gpu():
        here, there = torch.ones(3), torch.ones(3, device="cuda")
        assert there.device.type == "cuda"
        assert (2 * there).device.type == "cuda"
        assert there.cpu().device.type == "cpu"
        assert torch.ones(3).to(there).is_cuda
        with pytest.raises(MixedDevicesError, match="add"):
            here + there
        with pytest.raises(MixedDevicesError, match="NumPy"):
            there.numpy()
        with pytest.raises(MixedDevicesError, match="generator"):
            torch.randn(3, device="cuda", generator=torch.Generator())
        network = nn.Linear(3, 2).to(device="cuda")
        assert isinstance(network.weight, OnGpu)
        with pytest.raises(MixedDevicesError):
            network(here)


def test_a_whole_analysis_has_the_numbers_of_the_cpu(tmp_path: Path) -> None:
    images, labels = digit_images()
    split = images[:50], labels[:50]
    save(tmp_path, digits_network(*split), split)
    np.savez(tmp_path / "test.npz", X=images[50:90].numpy(), y=labels[50:90].numpy())

    def run(device: Literal["cpu", "cuda"]) -> tuple[Report, Kept]:
        return analysed(
            tmp_path, Parameters(architecture=CNN, weight_decay=1e-4, top_k=4, device=device)
        )

    here, arrays = run("cpu")
    with pretend_gpu():
        there, same = run("cuda")
    assert there.failures == []
    assert here.boundary is not None
    assert here.boundary.rescaled
    assert there.device == "cuda"
    tables = [each.model_dump(mode="json") for each in (here, there)]
    wrong = differing(*tables)
    # Residuals are rounding itself; traces of classes come from random vectors.
    random = re.compile("residual|subsets.*trace")
    assert [at for at in wrong if not random.search(at)] == []
    assert arrays.arrays.keys() == same.arrays.keys()


def test_samples_are_the_same_on_either_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_costs, "WALK_SECONDS", 0.0)
    monkeypatch.setattr(boundary_costs, "FEWEST_WALKED", 20)
    monkeypatch.setattr(margin_costs, "SEARCH_SECONDS", 0.0)
    images, labels = digit_images()
    save(tmp_path, digits_network(images[:50], labels[:50]), (images[:50], labels[:50]))

    def run(device: Literal["cpu", "cuda"]) -> Report:
        asked = Parameters(
            architecture=CNN, spectrum_examples=20, top_k=3, device=device, stages=SAMPLED
        )
        return analysed(tmp_path, asked)[0]

    here = run("cpu")
    with pretend_gpu():
        there = run("cuda")
    assert there.failures == []
    assert there.spectrum is not None
    assert there.spectrum.sample is not None
    assert there.spectrum.sample.held_out == 30
    assert there.boundary is not None
    assert there.boundary.walked == 20
    wrong = differing(*(each.model_dump(mode="json") for each in (here, there)))
    assert [at for at in wrong if not re.search("residual|subsets.*trace", at)] == []


@pytest.mark.parametrize(
    ("make", "loss"),
    [
        (Skip, "cross_entropy"),
        (normed, "cross_entropy"),
        (dense, "cross_entropy"),
        (lambda: dense(1), "binary"),
        (lambda: dense(2), "mse"),
    ],
    ids=["attention", "BatchNorm", "MLP", "binary", "mse"],
)
def test_products_spectra_and_gap_stay_on_the_gpu(
    make: Callable[[], nn.Module], loss: LossName
) -> None:
    def numbers(device: str) -> dict[str, Any]:
        minimum = minimum_of(make, device, loss=loss)
        found: dict[str, Any] = {}
        rows = torch.ones(2, minimum.dim, dtype=torch.float64, device=device)
        kinds = [hessian, ggn, gradient_second_moment]
        kinds += [lambda m: gradient_second_moment(m, "centred"), sampled_fisher]
        for index, operator in enumerate(kinds):
            product = operator(minimum).matmat(rows)
            assert product.device.type == device
            found[f"product {index}"] = product.cpu().sum(1).tolist()
        plan = plan_spectrum(minimum, Wanted(top_k=3))
        spectrum = compute_spectrum(minimum, Wanted(top_k=3), operator=plan.operator)
        found["pairs"] = spectrum.eigenvalues.tolist()
        assert spectrum.eigenvectors.device.type == device
        density = spectral_density(minimum, spectrum, ProbeSize(probes=2, steps=10))
        found["density"] = density.mean.sum().item()
        blocks = layer_blocks(minimum, spectrum)
        found["layers"] = [[float(value) for value in each.eigenvalues] for each in blocks]
        for route in ROUTES[:1] if make is Skip else ROUTES:  # autograd, op by op, is slow here
            gap = estimate_gap(minimum.trained(weight_decay=1e-2), budget=Budget(route=route))
            found[route] = {name: each._asdict() for name, each in gap.estimates.items()}
            found[f"{route}, diagnostics"] = gap.diagnostics
        return found

    here = numbers("cpu")
    with pretend_gpu():
        there = numbers("cuda")
    assert differing(here, there) == []


def test_coarser_products_are_done_on_the_gpu_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_units, "LARGE", 100)
    with pretend_gpu():
        minimum = minimum_of(lambda: nn.Sequential(nn.Flatten(), wide()), "cuda", n=200)
        found = compute_spectrum(minimum, Wanted(top_k=3, tolerance=1e-3))
        assert "Products in float32" in found.method
        assert found.eigenvectors.device.type == "cuda"
        density = spectral_density(minimum, found, ProbeSize(probes=2, steps=10))
        assert "Products in TF32" in density.method
        assert not torch.backends.cuda.matmul.allow_tf32


def wide() -> nn.Module:
    """p = 5,710, over the dense route's limit."""
    return nn.Sequential(nn.Linear(64, 76), nn.Tanh(), nn.Linear(76, 10))


def test_planes_and_paths_stay_on_the_gpu() -> None:
    def numbers(device: str) -> dict[str, Any]:
        minimum = minimum_of(dense, device)
        vectors = compute_spectrum(minimum, Wanted(top_k=3)).eigenvectors
        found = {}
        asked = [SliceRequest(plane="points", points=(0, 1, 2), resolution=10)]
        asked += [SliceRequest(plane="extremes", vector=1, resolution=10)]
        for request in asked:
            for name, array in slice_on_demand(opened(minimum), vectors, request).items():
                found[f"{request.plane} {name}"] = np.nan_to_num(array).tolist()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            other = dense().to(device=device, dtype=torch.float64)
        curve = interpolate(minimum, other, (minimum.inputs, minimum.targets), steps=4)
        return found | {"curve": curve.model_dump(mode="json")}

    here = numbers("cpu")
    with pretend_gpu():
        there = numbers("cuda")
    assert differing(here, there) == []
