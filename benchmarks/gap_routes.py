"""Matrix-free against exact: 100 seeded trials on five networks, in own standard errors.

Appends one JSON line a trial to results/gap_routes.jsonl (resumable) and prints the shares within
3 standard errors; the sample is of training examples, so a trial whose sample happened to be all
of them says nothing and does not occur here (n ≥ 400).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from study.networks import Design, trained

from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.ggn import Ggn
from minimascope.curvature.products.metric import metric_at
from minimascope.curvature.running.run import Run
from minimascope.curvature.sweep.exact import primal_sweep
from minimascope.curvature.sweep.matrix_free import matrix_free_sweep
from minimascope.curvature.sweep.result import Sweep
from minimascope.objective.likelihood import Likelihood

LINES = Path(__file__).parent / "results" / "gap_routes.jsonl"
SEEDS = range(20)
NAMES = ("alo_ggn", "tic_ggn", "soft_rank_ggn")
FIRST = Design(
    name="calm", family="teacher_mlp", seed=1, n=600, width=8, depth=1, noise=0.1,
    weight_decay=1e-2, optimizer="lbfgs", iterations=400,
)  # fmt: skip
NETWORKS = (
    FIRST,
    replace(FIRST, name="overfitted", seed=3, n=400, iterations=200, weight_decay=3e-3),
    replace(FIRST, name="deep", seed=5, n=400, iterations=200, depth=2, weight_decay=3e-3),
    replace(FIRST, name="relu", seed=2, n=400, iterations=200, weight_decay=3e-3, noise=0.3),
    replace(FIRST, name="clean", seed=7, n=400, iterations=200, noise=0.0, weight_decay=3e-2),
)


def main() -> None:
    """Runs what is missing and prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", default="0/1", help="i/k: every k-th seed, from the i-th")
    first, every = (int(part) for part in parser.parse_args().share.split("/"))
    torch.set_num_threads(1)
    LINES.parent.mkdir(exist_ok=True)
    done = {(line["network"], line["seed"]) for line in _lines()}
    known: dict[str, tuple[Minimum, Sweep]] = {}
    for seed, design in itertools.product(SEEDS[first::every], NETWORKS):
        if (design.name, seed) in done:
            continue
        if design.name not in known:
            known[design.name] = _exact(design)
        with LINES.open("a") as out:
            out.write(json.dumps(_trial(design, *known[design.name], seed)) + "\n")
    _print(_lines())


def _exact(design: Design) -> tuple[Minimum, Sweep]:
    minimum, _ = trained(design)
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    lambdas = torch.tensor([design.weight_decay], dtype=torch.float64)
    sweep = primal_sweep(minimum, likelihood, lambdas, metric_at(minimum))
    return minimum, sweep


def _trial(design: Design, minimum: Minimum, exact: Sweep, seed: int) -> dict[str, Any]:
    start = time.process_time()
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    found = matrix_free_sweep(
        Ggn(minimum), likelihood, exact.lambdas, metric_at(minimum), run=Run(seed)
    )
    ours, truth = _estimates(found, likelihood), _estimates(exact, likelihood)
    return {
        "network": design.name,
        "seed": seed,
        "examples": found.examples.shape[0],
        "deviations": {name: (ours[name][0] - truth[name][0]) / ours[name][1] for name in ours},
        "relative_error": ours["alo_ggn"][1] / ours["alo_ggn"][0],
        "method": found.method,
        "cpu_seconds": round(time.process_time() - start, 2),
    }


def _estimates(sweep: Sweep, likelihood: Likelihood) -> dict[str, tuple[float, float]]:
    """Value and standard error at the one λ of the sweep; n times the gap for the soft rank."""
    sampled = likelihood.select(sweep.examples)
    increments = sampled.nll(sampled.logits + sweep.displacement[0]) - sampled.nll()
    tic = (sweep.quadratic[0] - sweep.mean_quadratic[0]) / likelihood.n
    rank_error = 0.0 if sweep.rank_error is None else float(sweep.rank_error[0])
    return {
        "alo_ggn": _mean(increments),
        "tic_ggn": _mean(tic),
        "soft_rank_ggn": (float(sweep.rank[0]), rank_error),
    }


def _mean(sample: torch.Tensor) -> tuple[float, float]:
    return float(sample.mean()), float(sample.std()) / math.sqrt(sample.shape[0])


def _print(lines: list[dict[str, Any]]) -> None:
    for name in NAMES:
        inside = sum(abs(line["deviations"][name]) < 3 for line in lines)
        worst = max(abs(line["deviations"][name]) for line in lines)
        print(f"{name}: {inside} of {len(lines)} within 3 standard errors, largest {worst:.1f}")
    every = sum(all(abs(x) < 3 for x in line["deviations"].values()) for line in lines)
    print(f"all three at once: {every} of {len(lines)}")


def _lines() -> list[dict[str, Any]]:
    if not LINES.exists():
        return []
    return [json.loads(line) for line in LINES.read_text().splitlines()]


if __name__ == "__main__":
    main()
