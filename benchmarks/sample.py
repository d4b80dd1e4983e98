"""How far the spectrum of some of the examples holds for all of them, and what it costs.

    python benchmarks/sample.py             # the digits CNN, 5 seeds a sample size

Prints λ₁ of the whole training set, that of samples, what their first eigenvector has on all
examples (exactly, and as estimated from examples held out), and CPU seconds over the whole's.
Goes to benchmarks/results/sample.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch
from spectra.workloads import WORKLOADS

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.spectrum.sample import curvature_on_all, drawn
from minimascope.curvature.spectrum.spectrum import Spectrum, compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

SHARES = (0.05, 0.1, 0.25, 0.5)
PAIRS, TOLERANCE = 10, 1e-6
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    args = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for name in args.workloads or ["cnn"]:
        workload = WORKLOADS[name]()
        print(f"\n## {workload.sentence}\n", flush=True)
        results[name] = study(workload.minimum, range(args.seeds))
    args.results.mkdir(exist_ok=True)
    (args.results / "sample.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0


def study(minimum: Minimum, seeds: Sequence[int]) -> Row:
    """One table: a line for the whole and one a sample size."""
    whole, seconds = spectrum(minimum)
    largest = float(whole.eigenvalues[0])
    operator = hessian(minimum)
    print(f"λ₁ of all {minimum.n:,}: {largest:.4g}, {seconds:.1f} CPU-s\n")
    print("| examples | λ₁ of the sample | v₁ on all | estimated | s.e. | z | CPU s, share |")
    print("|---|---|---|---|---|---|---|")
    lines = []
    for share in SHARES:
        count = round(share * minimum.n)
        runs = [one(minimum, operator.matvec, count, seed) for seed in seeds]
        line = {"examples": count, "runs": runs, "cost": median(r["cpu"] for r in runs) / seconds}
        lines.append(line)
        said = [mean(r[key] for r in runs) for key in ("sampled", "exact", "estimated", "error")]
        score = mean(r["z"] ** 2 for r in runs) ** 0.5
        told = " | ".join(f"{value / largest:.3f}" for value in said)
        print(f"| {count:,} | {told} | {score:.2f} | {line['cost']:.2f} |", flush=True)
    return {"n": minimum.n, "largest": largest, "cpu": seconds, "samples": lines}


def one(minimum: Minimum, product: Any, count: int, seed: int) -> Row:
    """A sample's leading pair, on the sample, on all and as estimated; `cpu` of all ten pairs."""
    begun = time.process_time()
    rows = drawn(minimum.n, count, seed=seed)
    found, _ = spectrum(minimum.subset(rows.sampled))
    told = curvature_on_all(minimum, rows, found.eigenvalues, found.eigenvectors)
    cpu = time.process_time() - begun
    v = found.eigenvectors[0]
    exact, estimated = float(v @ product(v)), float(told.value[0])
    error = 0.0 if told.standard_error is None else float(told.standard_error[0])
    return {
        "sampled": float(found.eigenvalues[0]),
        "exact": exact,
        "estimated": estimated,
        "error": error,
        "z": (estimated - exact) / error if error > 0 else 0.0,
        "cpu": cpu,
    }


def spectrum(minimum: Minimum) -> tuple[Spectrum, float]:
    begun = time.process_time()
    found = compute_spectrum(
        minimum, Wanted(top_k=PAIRS, tolerance=TOLERANCE, lowest=None, trace_probes=0)
    )
    return found, time.process_time() - begun


if __name__ == "__main__":
    raise SystemExit(main())
