"""An answer in any budget: eleven networks of growing size, and whether stated intervals hold.

    python benchmarks/anytime.py [--seconds 60] [--networks NAME …] [--trials 100]

Every network is analysed by `minimascope.analyze(…, seconds=60)` with all stages, in a process of
its own: wall seconds of the call, the process's peak memory, what was answered and what was left
out. Networks up to a million parameters are trained for a few seconds first, larger ones are as
initialised: what a product takes is the same.

Trials: first looks at a quarter of the examples of the networks whose λ₁ and trace are known from
the dense Hessian; how many of the intervals called 95% hold them, by quantity.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

import minimascope as ms
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.spectrum.first_look import first_looks

RESULTS = Path(__file__).parent / "results" / "anytime.json"
TRAINED_UP_TO, STEPS, BATCH = 1_100_000, 400, 64
SINGLE_ABOVE = 1_100_000  # parameters from which numbers are float32, as a person would ask


@dataclass(frozen=True)
class Case:
    """A network and data drawn for it: inputs of a shape, classes that can be learnt."""

    make: Callable[[], nn.Module]
    n: int
    shape: tuple[int, ...]
    classes: int

    def data(self) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        X = torch.randn(self.n, *self.shape, generator=generator)
        plane = torch.randn(X[0].numel(), self.classes, generator=generator)
        scores = X.flatten(1) @ plane
        noise = 0.5 * scores.std() * torch.randn(scores.shape, generator=generator)
        return X, (scores + noise).argmax(dim=1)


class Text(Case):
    """Words with the frequencies of Zipf's law; `n` × `shape` of them, `classes` in all."""

    def data(self) -> tuple[Tensor, Tensor]:
        weights = 1 / torch.arange(1, self.classes + 1, dtype=torch.float64)
        generator, (length,) = torch.Generator().manual_seed(0), self.shape
        count = self.n * length
        ids = torch.multinomial(weights, count, replacement=True, generator=generator)
        return ids.reshape(self.n, length), ids.reshape(self.n, length)


def gpt2() -> nn.Module:
    """GPT-2 small's shape, its head tied."""
    from transformers import GPT2Config, GPT2LMHeadModel

    made: nn.Module = GPT2LMHeadModel(GPT2Config(n_positions=256, attn_implementation="eager"))
    return made.eval()


class Block(nn.Module):
    """Two convolutions around which the input is added."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.second = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.last = nn.BatchNorm2d(out)
        same = stride == 1 and into == out
        projected = [nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out)]
        self.beside = nn.Identity() if same else nn.Sequential(*projected)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.second(self.norm(self.first(x)).relu()))
        return (found + self.beside(x)).relu()


def residual(widths: list[int], blocks: int) -> nn.Module:
    """A residual network for small images; widths 64 to 512 with two blocks each: ResNet-18."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
    into = widths[0]
    for place, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(into, width, 2 if place and not block else 1))
            into = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, 10))


def dense(*sizes: int) -> Callable[[], nn.Module]:
    """Layers with tanh between them."""

    def make() -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()]
        for into, out in pairwise(sizes):
            layers += [nn.Linear(into, out), nn.Tanh()]
        return nn.Sequential(*layers[:-1])

    return make


def lenet(width: int) -> Callable[[], nn.Module]:
    """Two convolutions with pooling and two dense layers, for 1 × 28 × 28."""
    return lambda: nn.Sequential(
        nn.Conv2d(1, width, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(50 * width, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


IMAGE = (3, 32, 32)
CASES = {
    "logistic, 20": Case(dense(4, 4), 500, (4,), 4),
    "dense, 199": Case(dense(4, 16, 7), 1000, (4,), 7),
    "dense, 2k": Case(dense(20, 32, 32, 10), 2000, (20,), 10),
    "convolutions, 5k": Case(lenet(1), 2000, (1, 28, 28), 10),
    "LeNet, 28k": Case(lenet(6), 2000, (1, 28, 28), 10),
    "dense, 117k": Case(dense(64, 256, 256, 128, 10), 10_000, (64,), 10),
    "residual, 175k": Case(lambda: residual([16, 32, 64], 2), 50_000, IMAGE, 10),
    "dense, 984k": Case(dense(3072, 300, 200, 10), 20_000, IMAGE, 10),
    "residual, 2.8M": Case(lambda: residual([32, 64, 128, 256], 2), 50_000, IMAGE, 10),
    "ResNet-18, 11.2M": Case(lambda: residual([64, 128, 256, 512], 2), 50_000, IMAGE, 10),
    "GPT-2 small, 124M": Text(gpt2, 32, (256,), 50257),
}
CHECKED = ("dense, 199", "dense, 2k", "convolutions, 5k")


def network_of(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    """The network, trained where that takes seconds."""
    torch.manual_seed(1)
    network, (X, y) = case.make(), case.data()
    if sum(q.numel() for q in network.parameters()) > TRAINED_UP_TO or case.n > 20_000:
        return network, X, y
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(STEPS):
        rows = torch.randint(case.n, (BATCH,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
        optimizer.step()
    return network, X, y


def answer(name: str, seconds: float) -> dict[str, Any]:
    """What a budget of so many seconds gives for one network."""
    network, X, y = network_of(CASES[name])
    count = sum(q.numel() for q in network.parameters())
    ms.analyze  # noqa: B018 - imported before the clock starts
    began = time.perf_counter()
    told = {"dtype": "float32" if count > SINGLE_ABOVE else "float64", "progress": False}
    criterion = None if isinstance(CASES[name], Text) else nn.CrossEntropyLoss()
    found = ms.analyze(network, (X, y), criterion, seconds=seconds, **told)
    took, look = time.perf_counter() - began, found.first_look
    return {
        "parameters": count,
        "examples": len(X),
        **told,
        "seconds": took,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "loss": found.data.train.model_dump(),
        "first_look": None if look is None else look.model_dump(),
        "stages": {k: round(v, 1) for k, v in found.wall_seconds.items()},
        "lambda_1": found.spectrum.eigenvalues[0] if found.spectrum else None,
        "of_examples": found.spectrum.sample.examples
        if found.spectrum and found.spectrum.sample
        else None,
        "out_of_time": [each.stage for each in found.failures if each.code == "out_of_time"],
        "said": [each for each in found.warnings if "eft out" in each or "for time" in each],
    }


def trials(name: str, count: int) -> dict[str, Any]:
    """How often first looks at a quarter of the examples hold what the dense Hessian has."""
    network, X, y = network_of(CASES[name])
    minimum = prepare(network, X, y)
    trace, top = truth(minimum)
    held, widths = [0, 0], list[float]()
    for seed in range(count):
        *_, look = first_looks(minimum, room=lambda: 1e9, seed=seed, most=minimum.n // 4)
        held[0] += look.trace.low <= trace <= look.trace.high
        held[1] += look.top.low <= top <= look.top.high
        widths.append((look.top.high - look.top.low) / 2 / top)
    return {
        "trials": count,
        "seen": look.seen,
        "of": minimum.n,
        "trace_held": held[0],
        "lambda_1_held": held[1],
        "lambda_1_half_width": sorted(widths)[count // 2],
    }


def truth(minimum: Minimum) -> tuple[float, float]:
    """tr H and λ₁ from the whole matrix."""
    operator, identity = hessian(minimum), torch.eye(minimum.dim, dtype=torch.float64)
    matrix = torch.cat([operator.matmat(rows) for rows in identity.split(64)])
    return float(matrix.trace()), float(torch.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])


def apart(*words: str) -> dict[str, Any]:
    """The same asked of a process of its own."""
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--networks", nargs="*", default=list(CASES))
    parser.add_argument("--one", help="this one, here")
    parser.add_argument("--tried", help="trials of this one, here")
    parser.add_argument("--output", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.one or asked.tried:
        one, tried = asked.one, asked.tried
        found = answer(one, asked.seconds) if one else trials(tried, asked.trials)
        print(json.dumps(found, ensure_ascii=False))
        return 0
    found = json.loads(asked.output.read_text()) if asked.output.exists() else {}
    found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
    budget, count = str(asked.seconds), str(asked.trials)
    for name in asked.networks:
        row = apart("--one", name, "--seconds", budget)
        found.setdefault(f"budget of {asked.seconds:g} s", {})[name] = row
        if name in CHECKED and asked.trials:
            row = apart("--tried", name, "--trials", count)
            found.setdefault("intervals of 95%", {})[name] = row
        asked.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        print(name, json.dumps(row, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
