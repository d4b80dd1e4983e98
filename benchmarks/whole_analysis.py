"""A CNN of 156k parameters and a small transformer through `minimascope analyze`, all stages.

    python benchmarks/whole_analysis.py [cnn] [transformer]    # writes results/whole_analysis.json

Each is trained on digits, exported to a .pt2 and analysed by the command line in a process of its
own; kept are the seconds of every stage, residuals, the plan and what became of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy as np
import torch
from spectra.networks import Attention
from spectra.workloads import cnn_156k, digits, train
from torch import nn

import minimascope

RESULTS = Path(__file__).parent / "results" / "whole_analysis.json"
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "cnn": (cnn_156k, (1, 8, 8), 200),
    "transformer": (lambda: Attention(32, 2), (8, 8), 200),
}


def analysed(name: str, folder: Path) -> dict[str, Any]:
    make, shape, n = CASES[name]
    torch.manual_seed(0)
    network = make()
    inputs, targets = digits(2 * n)
    inputs = inputs.float().reshape(-1, *shape)
    train(network, inputs[:n], targets[:n], epochs=40)
    checkpoint = minimascope.export(network, inputs[:4], folder / f"{name}.pt2")
    for part, rows in (("train", slice(0, n)), ("test", slice(n, None))):
        np.savez(folder / f"{part}.npz", X=inputs[rows].numpy(), y=targets[rows].numpy())
    command = [sys.executable, "-W", "ignore", "-m", "minimascope", "analyze"]
    command += ["--checkpoint", str(checkpoint), "--weight-decay", "1e-4"]
    command += ["--train", str(folder / "train.npz"), "--test", str(folder / "test.npz")]
    started = time.perf_counter()
    subprocess.run([*command, "--output", str(folder / "report.json")], check=True)
    seconds = time.perf_counter() - started
    report = json.loads((folder / "report.json").read_text())
    spectrum, gap = report["spectrum"], report["gap"]
    return {
        "parameters": report["checkpoint"]["parameters"],
        "n": n,
        "seconds": seconds,
        "stages": report["wall_seconds"],
        "method": spectrum["method"],
        "converged": spectrum["converged"],
        "largest_residual": max(spectrum["residuals"]),
        "eigenvalues": spectrum["eigenvalues"],
        "lambda_min": spectrum["lambda_min"],
        "trace": spectrum["trace"],
        "plan": spectrum["plan"],
        "layers": [block["layer"] for block in spectrum["layer_blocks"]],
        "verdict": gap["verdict"],
        "alo": gap["estimates"]["alo_ggn"],
        "measured": gap["measured"],
        "n90": (report["boundary"] or {}).get("n90"),
        "median_margin": (report["margins"] or {}).get("certified", {}).get("median"),
    }


def main() -> None:
    torch.set_num_threads(1)
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = analysed(name, Path(folder))
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        print(name, json.dumps(found[name]), flush=True)


if __name__ == "__main__":
    main()
