"""Plans against what happened, on networks that nobody tuned the planner to.

    python benchmarks/plans.py            # writes benchmarks/results/plans.md

Every network is trained for a few epochs, planned, and analysed at the product's own tolerance.
Memory is the growth of resident memory over plan and run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import time

import torch
from spectra.workloads import digits, train
from torch import Tensor, nn

from workers.curvature.memory import PeakMemory
from workers.curvature.minimum import Minimum, prepare
from workers.curvature.planner import Plan, plan_spectrum
from workers.curvature.spectrum import Spectrum, compute_spectrum

RESULTS = Path(__file__).parent / "results" / "plans.md"
TOLERANCE = 1e-6


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


def cnn(channels: int, *, norm: bool) -> nn.Module:
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 8)), nn.Conv2d(1, channels, 3, padding=1)]
    layers += [nn.BatchNorm2d(channels)] if norm else []
    layers += [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(channels, 2 * channels, 3, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(32 * channels, 10))


class Attention(nn.Module):
    """Rows of the image as tokens, one or two encoder layers."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, 0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(rows) + self.places).mean(1))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "softmax regression": (lambda: mlp(64, 10), 500),
    "MLP 64-20-10, tanh": (lambda: mlp(64, 20, 10, activation=nn.Tanh), 300),
    "MLP 64-32-16-10, few data": (lambda: mlp(64, 32, 16, 10), 20),
    "MLP 64-60-40-10, few data": (lambda: mlp(64, 60, 40, 10), 40),
    "MLP 64-100-60-10, GELU": (lambda: mlp(64, 100, 60, 10, activation=nn.GELU), 1200),
    "MLP 64-256-128-64-10": (lambda: mlp(64, 256, 128, 64, 10), 800),
    "MLP 64-400-300-10, tanh": (lambda: mlp(64, 400, 300, 10, activation=nn.Tanh), 500),
    "CNN, 8 channels": (lambda: cnn(8, norm=False), 400),
    "CNN, 16 channels, BatchNorm": (lambda: cnn(16, norm=True), 300),
    "attention, width 16": (lambda: Attention(16, 1), 200),
    "attention, width 48, 2 layers": (lambda: Attention(48, 2), 150),
}


def trained(make: Callable[[], nn.Module], n: int) -> Minimum:
    torch.manual_seed(3)
    network = make()
    inputs, targets = digits(n)
    inputs = inputs.reshape(-1, 8, 8)
    train(network, inputs, targets, epochs=40)
    return prepare(network, inputs, targets)


def row(name: str, minimum: Minimum) -> str:
    with PeakMemory(minimum.inputs.device) as memory:
        plan = plan_spectrum(minimum, top_k=10, tolerance=TOLERANCE)
        started = time.perf_counter()
        found = compute_spectrum(minimum, top_k=10, tolerance=TOLERANCE, operator=plan.operator)
        seconds = time.perf_counter() - started
    return line(name, minimum, plan, found, seconds=seconds, peak=memory.peak_bytes)


def line(
    name: str, minimum: Minimum, plan: Plan, found: Spectrum, *, seconds: float, peak: int | None
) -> str:
    megabytes = "–" if peak is None else f"{peak / 2**20:.0f}"
    return (
        f"| {name} | {minimum.dim:,} | {minimum.n} | {plan.route} "
        f"| {plan.products} / {found.products} | {found.products / plan.products:.2f} "
        f"| {plan.seconds:.2f} / {seconds:.2f} | {seconds / plan.seconds:.2f} "
        f"| {plan.peak_bytes / 2**20:.0f} / {megabytes} |"
    )


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    lines = [
        "# Plans against what happened\n",
        "Planned / actual; ratios are actual over planned. Top 10 to 1e-6, float64, one thread.\n",
        "| network | p | n | route | products | ratio | seconds | ratio | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for name, (make, n) in NETWORKS.items():
        lines.append(row(name, trained(make, n)))
        print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
