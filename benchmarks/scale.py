"""How CPU seconds and memory of an analysis's parts grow with n, p, K and T: fitted exponents.

    python benchmarks/scale.py           # a quarter of an hour; results/scale.json
    python benchmarks/scale.py n p       # some of: n p K T stages shared

n, p, K, T: each part is timed alone, one thread, over decades; networks are untrained, as no part
depends on what the weights are. The exponent is the slope through the logarithms of the sizes of
the last two decades. stages: whole analyses of a small trained network. shared: products by one
thread, two threads, two processes. CPU seconds throughout, so that a shared machine may be used;
"wall" of what is shared is the least of some rounds, ways taken in turn.
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
from devices.sharing import GPT, MLP, measured
from devices.stages import stage_seconds
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
LARGE = 3_000_000  # parameters from which on five more vectors of them are not kept
MANY = 2000  # classes from which on boundaries between all pairs are not searched
STAGES = [250, 500, 1000, 2000]  # examples
Row = dict[str, Any]


def mlp(
    *, n: int = 1000, width: int = 64, classes: int = 10, dtype: torch.dtype = torch.float64
) -> Minimum:
    """Two hidden layers: p grows with the square of their width."""
    torch.manual_seed(0)
    hidden = [nn.Linear(INPUTS, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()]
    network = nn.Sequential(*hidden, nn.Linear(width, classes))
    y = torch.randint(classes, (n,))
    return prepare(network, torch.randn(n, INPUTS), y, dtype=dtype)


def gpt(length: int) -> Minimum:
    torch.manual_seed(0)
    load = texts(Gpt(2000, length, 32, 1, 2, tied=True), 4, length, 2000)
    return prepare(load.network, load.inputs, load.targets, loss=load.loss)


SERIES: dict[str, tuple[list[int], Callable[[int], Minimum]]] = {
    "n": ([250, 800, 2500, 8000, 25000, 50000], lambda n: mlp(n=n)),
    "p": (
        [16, 90, 300, 1000, 3000, 10_000],
        lambda width: mlp(n=64, width=width, dtype=torch.float32),
    ),
    "K": ([2, 10, 100, 1000, 10_000, 50_000], lambda classes: mlp(n=250, classes=classes)),
    "T": ([16, 32, 64, 128, 256, 512, 1024], gpt),
}


def parts_of(minimum: Minimum) -> dict[str, Callable[[], object]]:
    """What is timed; what has to be made first is not."""
    v = torch.randn(minimum.dim).to(minimum.theta)
    curvature, gauss = hessian(minimum), ggn(minimum)
    parts: dict[str, Callable[[], object]] = {
        "gradient": lambda: mean_gradient(minimum),
        "Hessian product": lambda: curvature.matvec(v),
        "GGN product": lambda: gauss.matvec(v),
    }
    outputs = minimum.network(minimum.inputs[:1]).shape[-1]
    if minimum.loss.classifies and minimum.dim <= LARGE and outputs <= MANY:
        five = torch.randn(5, minimum.dim).to(minimum.theta)
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
    """The slope of log value over log size, of two decades: below, calls cost what they cost."""
    sizes = sizes[: len(values)]  # of what was not measured at the largest
    kept = np.array(sizes) >= 0.009 * sizes[-1]
    return float(np.polyfit(np.log(sizes)[kept], np.log(values)[kept], 1)[0])


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


def stages() -> Row:
    """Over n."""
    rows: dict[str, list[float]] = {}
    memory: list[int] = []
    for n in STAGES:
        seconds_of, peak = stage_seconds(n, 64)
        for name, each in seconds_of.items():
            rows.setdefault(name, []).append(each)
        memory.append(peak)
        print(f"stages, n = {n}: {seconds_of}", flush=True)
    found = {name: exponent([float(n) for n in STAGES], values) for name, values in rows.items()}
    return {"sizes": STAGES, "cpu_seconds": rows, "peak_bytes": memory, "exponents": found}


def shared() -> Row:
    """By network and product."""
    found = {name: measured(name) for name in (MLP, GPT)}
    for name, products in found.items():
        for kind, row in products.items():
            one = row["one process"]["wall"]
            ratios = ", ".join(f"{k} {one / row[k]['wall']:.2f} ×" for k in list(row)[1:3])
            print(f"{name}, {kind}: {ratios}; off by {row['difference']:.1e}", flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    questions: dict[str, Callable[[], Row]] = {
        **{kind: lambda kind=kind: series(kind) for kind in SERIES},
        "stages": stages,
        "shared": shared,
    }
    known: Row = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in sys.argv[1:] or questions:
        known[name] = questions[name]()
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
