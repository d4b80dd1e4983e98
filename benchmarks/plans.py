"""Plans against what happened, on networks that the planner was not fitted to.

    python benchmarks/plans.py --seconds 200    # again until all are there; writes results/plans.*

Every network is trained for a few epochs, planned, and analysed at the product's own tolerance in
a process of its own: memory is the growth of resident memory over plan and run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from spectra.networks import Attention, cnn, mlp
from spectra.workloads import digits, train
from torch import nn

from minimascope.analysis.costs.spectrum import TOLERANCES
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.running.memory import PeakMemory
from minimascope.curvature.spectrum.plan import plan_spectrum
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

RESULTS = Path(__file__).parent / "results" / "plans.jsonl"
Row = dict[str, Any]

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "softmax regression": (lambda: mlp(64, 10), 500),
    "MLP 64-20-10, tanh": (lambda: mlp(64, 20, 10, activation=nn.Tanh), 300),
    "MLP 64-40-20-10": (lambda: mlp(64, 40, 20, 10), 200),
    "MLP 64-32-16-10, few data": (lambda: mlp(64, 32, 16, 10), 20),
    "MLP 64-60-40-10, few data": (lambda: mlp(64, 60, 40, 10), 50),
    "MLP 64-100-60-10, GELU": (lambda: mlp(64, 100, 60, 10, activation=nn.GELU), 1200),
    "MLP 64-256-128-64-10": (lambda: mlp(64, 256, 128, 64, 10), 800),
    "MLP 64-48-48-48-48-48-10": (lambda: mlp(64, 48, 48, 48, 48, 48, 10), 2000),
    "MLP 64-400-300-10, tanh": (lambda: mlp(64, 400, 300, 10, activation=nn.Tanh), 500),
    "CNN, 8 channels": (lambda: cnn(8, norm=False), 400),
    "CNN, 16 channels, BatchNorm": (lambda: cnn(16, norm=True), 300),
    "CNN, 16 channels, BatchNorm, n = 1200": (lambda: cnn(16, norm=True), 1200),
    "attention, width 16": (lambda: Attention(16, 1), 200),
    "attention, width 48, 2 layers": (lambda: Attention(48, 2), 150),
    "attention, width 32, n = 1000": (lambda: Attention(32, 1), 1000),
}
SINGLE = ("MLP 64-256-128-64-10", "CNN, 16 channels, BatchNorm", "attention, width 48, 2 layers")
CASES = [(name, "float64") for name in NETWORKS] + [(name, "float32") for name in SINGLE]


def trained(name: str, dtype: str) -> Minimum:
    torch.manual_seed(3)
    make, n = NETWORKS[name]
    network = make()
    inputs, targets = digits(n)
    inputs = inputs.reshape(-1, 8, 8)
    train(network, inputs, targets, epochs=40)
    return prepare(network, inputs, targets, dtype=getattr(torch, dtype))


def measured(name: str, dtype: str) -> Row:
    minimum = trained(name, dtype)
    with PeakMemory(minimum.inputs.device) as memory:
        asked = {"top_k": 10, "tolerance": TOLERANCES[dtype]}
        plan = plan_spectrum(minimum, **asked)
        started = time.perf_counter()
        found = compute_spectrum(
            minimum, Wanted(top_k=10, tolerance=TOLERANCES[dtype]), operator=plan.operator
        )
        seconds = time.perf_counter() - started
    return {
        "network": name,
        "dtype": dtype,
        "p": minimum.dim,
        "n": minimum.n,
        "route": plan.route,
        "products": [plan.products, *plan.products_range, found.products],
        "seconds": [plan.seconds, *plan.seconds_range, seconds],
        "megabytes": [plan.peak_bytes / 2**20, (memory.peak_bytes or 0) / 2**20],
    }


def shown(row: Row) -> str:
    products, seconds, memory = row["products"], row["seconds"], row["megabytes"]
    held = [each[1] <= each[3] <= each[2] for each in (products, seconds)]
    return (
        f"| {row['network']} | {row['dtype']} | {row['p']:,} | {row['n']} | {row['route']} "
        f"| {products[0]} ({products[1]} to {products[2]}) | {products[3]} "
        f"| {products[3] / products[0]:.2f}{'' if held[0] else ' !'} "
        f"| {seconds[0]:.2f} ({seconds[1]:.2f} to {seconds[2]:.2f}) | {seconds[3]:.2f} "
        f"| {seconds[3] / seconds[0]:.2f}{'' if held[1] else ' !'} "
        f"| {memory[0]:.0f} | {memory[1]:.0f} | {memory[1] / memory[0]:.2f} |"
    )


def table(rows: list[Row]) -> str:
    within = {
        key: sum(1 / 1.5 <= row[key][-1] / row[key][0] <= 1.5 for row in rows)
        for key in ("products", "seconds")
    }
    held = {
        key: sum(row[key][1] <= row[key][3] <= row[key][2] for row in rows)
        for key in ("products", "seconds")
    }
    memory = sum(row["megabytes"][1] <= 1.2 * row["megabytes"][0] for row in rows)
    lines = [
        "# Plans against what happened\n",
        "Top 10 to 1e-6 (1e-5 in float32), with λ_min and trace, one thread. Ratios are actual "
        "over planned; `!`: outside the range, which should hold 9 of 10.\n",
        f"Of {len(rows)}: products within ×1.5 of the plan in {within['products']}, in the range "
        f"in {held['products']}; seconds {within['seconds']} and {held['seconds']}; peak memory at "
        f"most 1.2 times the plan in {memory}.\n",
        "| network | dtype | p | n | route | products planned | actual | ratio "
        "| seconds planned | actual | ratio | MB planned | actual | ratio |",
        "|" + "---|" * 14,
    ]
    return "\n".join([*lines, *(shown(row) for row in rows)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1e9, help="start no network after these")
    parser.add_argument("--one", nargs=2, metavar=("NETWORK", "DTYPE"), help="print one as JSON")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.one:
        print(json.dumps(measured(*args.one)))
        return
    started = time.monotonic()
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    rows = [json.loads(line) for line in lines]
    for name, dtype in CASES:
        if any((row["network"], row["dtype"]) == (name, dtype) for row in rows):
            continue
        if time.monotonic() - started > args.seconds:
            break
        command = [sys.executable, "-W", "ignore", __file__, "--one", name, dtype]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(said.splitlines()[-1]))
        RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
        print(shown(rows[-1]), flush=True)
    RESULTS.with_suffix(".md").write_text(table(rows))


if __name__ == "__main__":
    main()
