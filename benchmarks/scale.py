"""How CPU seconds and memory of an analysis's parts grow with n, p, K and T: fitted exponents.

    python benchmarks/scale.py           # a few minutes, one thread; results/scale.json

Each part is timed alone, at five sizes over two decades; the exponent is the slope of the line
through the logarithms. Networks are untrained: no part below depends on what the weights are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy as np
import torch
from devices.networks import Gpt, texts
from torch import nn

from minimascope.boundary.alignment import align
from minimascope.boundary.margins import closest_crossings
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.ggn import ggn
from minimascope.curvature.products.gradient import mean_gradient
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.running.memory import PeakMemory

RESULTS = Path(__file__).parent / "results" / "scale.json"
INPUTS = 32
SEARCHED = 32  # points of a margin search, whatever n is
REPEATS = 3
Row = dict[str, Any]


def mlp(*, n: int = 1000, width: int = 64, classes: int = 10) -> Minimum:
    """Two hidden layers: p grows with the square of their width."""
    torch.manual_seed(0)
    hidden = [nn.Linear(INPUTS, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()]
    network = nn.Sequential(*hidden, nn.Linear(width, classes))
    return prepare(network, torch.randn(n, INPUTS), torch.randint(classes, (n,)))


def gpt(length: int) -> Minimum:
    torch.manual_seed(0)
    load = texts(Gpt(2000, length, 32, 1, 2, tied=True), 4, length, 2000)
    return prepare(load.network, load.inputs, load.targets, loss=load.loss)


SERIES: dict[str, tuple[list[int], Callable[[int], Minimum]]] = {
    "n": ([250, 800, 2500, 8000, 25000], lambda n: mlp(n=n)),
    "p": ([24, 90, 300, 600, 1000], lambda width: mlp(n=250, width=width)),
    "K": ([10, 32, 100, 320, 1000], lambda classes: mlp(n=250, classes=classes)),
    "T": ([16, 32, 64, 128, 256], gpt),
}


def parts_of(minimum: Minimum) -> dict[str, Callable[[], object]]:
    """What is timed; what has to be made first is not."""
    v = torch.randn(minimum.dim, dtype=torch.float64)
    curvature, gauss = hessian(minimum), ggn(minimum)
    parts: dict[str, Callable[[], object]] = {
        "gradient": lambda: mean_gradient(minimum),
        "Hessian product": lambda: curvature.matvec(v),
        "GGN product": lambda: gauss.matvec(v),
    }
    if minimum.loss.classifies:
        five = torch.randn(5, minimum.dim, dtype=torch.float64)
        few = minimum.inputs[:SEARCHED]
        parts["alignment of all points"] = lambda: align(minimum, five, minimum.inputs)
        parts["margins of 32 points"] = lambda: closest_crossings(minimum, inputs=few)
    return parts


def seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of some runs after one that warms up."""
    work()
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return max(min(taken), 1e-6)


def exponent(sizes: list[float], values: list[float]) -> float:
    """The slope of log value over log size, of the last three: calls cost what they cost."""
    return float(np.polyfit(np.log(sizes[-3:]), np.log(values[-3:]), 1)[0])


def series(kind: str) -> Row:
    sizes, make = SERIES[kind]
    seen: list[float] = []
    taken: dict[str, list[float]] = {}
    memory: list[int] = []
    for size in sizes:
        minimum = make(size)
        seen.append(float(minimum.dim if kind == "p" else size))
        with PeakMemory(minimum.inputs.device) as peak:
            for name, work in parts_of(minimum).items():
                taken.setdefault(name, []).append(seconds(work))
        memory.append(peak.peak_bytes or 0)
    found = {name: exponent(seen, values) for name, values in taken.items()}
    shown = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
    print(f"{kind}: {seen[0]:.0f} → {seen[-1]:.0f}: exponents {shown}", flush=True)
    return {"sizes": seen, "cpu_seconds": taken, "peak_bytes": memory, "exponents": found}


def main() -> None:
    torch.set_num_threads(1)
    found = {kind: series(kind) for kind in SERIES}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
