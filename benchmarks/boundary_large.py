"""Alignment on a convolutional network of 11 million parameters: time, progress, memory.

Usage: python benchmarks/boundary_large.py [EXAMPLES] [VECTORS]. One thread, untrained weights: the
cost does not depend on them. Writes benchmarks/results/boundary_large.json. Peak memory is what
the process held at most beyond network, data and vectors, in parameter-size vectors of float64.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import torch
from torch import nn

from minimascope.boundary.alignment import align
from minimascope.curvature.minimum.minimum import prepare

WIDTHS = (3, 64, 128, 256, 512, 512, 512, 512, 512)
STRIDES = (1, 2, 2, 1, 2, 1, 1, 1)
RESULT = Path(__file__).parent / "results" / "boundary_large.json"


def network() -> nn.Sequential:
    """Eight convolutions on 3×32×32 inputs and a linear layer: 11.0 million parameters."""
    layers: list[nn.Module] = []
    for before, after, stride in zip(WIDTHS, WIDTHS[1:], STRIDES, strict=False):
        layers += [nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    examples, count = (int(text) for text in [*sys.argv[1:3], "48", "5"][:2])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs = torch.randn(examples, 3, 32, 32)
    minimum = prepare(network(), inputs, torch.arange(examples) % 10)
    vectors = torch.randn(count, minimum.dim, dtype=torch.float64)
    heard: list[tuple[float, float]] = []
    before, started, wall = peak_bytes(), time.process_time(), time.perf_counter()
    found = align(
        minimum,
        vectors,
        minimum.inputs,
        progress=lambda done: heard.append((done, time.perf_counter() - wall)),
    )
    seconds = time.process_time() - started
    result = {
        "parameters": minimum.dim,
        "examples": examples,
        "vectors": count,
        "dtype": "float64",
        "cpu_seconds": round(seconds, 2),
        "cpu_seconds_per_example": round(seconds / examples, 3),
        "progress_reports": len(heard),
        "peak_parameter_vectors": round((peak_bytes() - before) / (8 * minimum.dim), 1),
        "peak_bytes": peak_bytes(),
        "underflowed": found.underflowed,
        "torch": torch.__version__,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
