"""The matrix-free gap route on a ResNet-18 of 11.2 million parameters, within a stated time.

    python benchmarks/gap_large.py --seconds 900 --state FILE  # appends to results/gap_large.jsonl

256 digits, scaled up to 3 × 32 × 32, trained for 30 epochs of SGD with weight decay; single
precision on the CPU. The sweep over λ may take `--seconds`; it says beforehand what it would need
for 10% standard error, and ends in time with fewer examples and a larger one. With `--state` it
stops after the part that `--piece` seconds end in, and goes on when it is called again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep.route import Budget

LINES = Path(__file__).parent / "results" / "gap_large.jsonl"
EXAMPLES, BATCH, EPOCHS = 256, 32, 30
LR, MOMENTUM, WEIGHT_DECAY = 0.02, 0.9, 5e-4


class Residual(nn.Module):
    """Two 3 × 3 convolutions with BatchNorm around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.inner(x) + self.shortcut(x))


def resnet18(classes: int) -> nn.Module:
    """The usual one, with its 7 × 7 stem of stride 2."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)]
    layers += [nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Residual(width, outputs, stride), Residual(outputs, outputs, 1)]
        width = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def images() -> tuple[Tensor, Tensor]:
    """All digits as n × 3 × 32 × 32, shuffled, and their labels."""
    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    small = torch.tensor(found.images, dtype=torch.float32)[order, None] / 8 - 1
    large = functional.interpolate(small, size=32, mode="bilinear").repeat(1, 3, 1, 1)
    return large, torch.tensor(found.target)[order]


def trained(kept: Path | None) -> tuple[Minimum, tuple[Tensor, Tensor], int]:
    """The minimum, its test set and the steps of its training."""
    torch.manual_seed(0)
    X, y = images()
    inputs, targets = X[:EXAMPLES], y[:EXAMPLES]
    network = resnet18(10)
    if kept is not None and kept.exists():
        network.load_state_dict(torch.load(kept, weights_only=True))
    else:
        _train(network, inputs, targets)
        if kept is not None:
            torch.save(network.state_dict(), kept)
    steps = EPOCHS * (EXAMPLES // BATCH)
    minimum = prepare(network, inputs, targets, dtype=torch.float32)
    return minimum, (X[EXAMPLES:], y[EXAMPLES:]), steps


def _train(network: nn.Module, inputs: Tensor, targets: Tensor) -> None:
    optimizer = torch.optim.SGD(
        network.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )
    network.train()
    for _ in range(EPOCHS):
        for at in torch.randperm(EXAMPLES).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(network(inputs[at]), targets[at]).backward()
            optimizer.step()


def main() -> None:
    """Trains (or loads what `--keep` holds), measures, prints and appends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--piece", type=float, default=math.inf)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--route", choices=["dual", "matrix_free"], default="matrix_free")
    parser.add_argument("--keep", type=Path, default=None, help="file for the trained weights")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    minimum, test, steps = trained(given.keep)
    said: list[str] = []

    def progress(fraction: float, message: str) -> None:
        said.append(message)
        print(f"{fraction:6.1%} {message}", flush=True)
        if " done; " in message and time.perf_counter() - start > given.piece:
            raise SystemExit("The piece is over; call again to go on.")

    start = time.perf_counter()
    with PeakMemory(minimum.inputs.device) as memory:
        result = estimate_gap(
            minimum.trained(weight_decay=WEIGHT_DECAY, lr=LR, momentum=MOMENTUM, steps=steps),
            test=test,
            budget=Budget(route=given.route, seconds=given.seconds),
            run=Run(state_path=given.state, progress=progress),
        )
    measured = result.measured
    assert measured is not None
    line = {
        "p": minimum.dim,
        "n": minimum.n,
        "dtype": str(minimum.theta.dtype),
        "threads": given.threads,
        "route": result.route,
        "said_beforehand": said[0],
        "planned_seconds": round(result.plan.seconds, 1),
        "sweep_seconds": round(result.plan.actual_seconds, 1),
        "last_piece_seconds": round(time.perf_counter() - start, 1),
        "products": result.plan.actual_products,
        "peak_bytes": memory.peak_bytes,
        "lambda": result.lambda_,
        "estimates": {name: each._asdict() for name, each in result.estimates.items()},
        "curve_points_drawn": sum(x is not None for x in result.curves["alo_ggn"]),
        "verdict": result.verdict,
        "reason": result.reason,
        "measured": [measured.value, measured.standard_error],
    }
    with LINES.open("a") as out:
        out.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
