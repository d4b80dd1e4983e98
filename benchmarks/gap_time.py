"""CPU seconds of all gap curves against those of the GGN product alone, on the digits.

A network of 9,010 parameters on 1,437 examples of 10 classes (nK = 14,370), every estimate,
25 λ. "The GGN product alone" is what no exact method can do without: the Jacobian of all examples
and the p × p matrix (1/n) Σ J_iᵀ Λ_i J_i, by the same library calls. Appends one JSON line to
results/gap_time.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.layers.jacobian import jacobian_chunks
from minimascope.curvature.minimum.batches import likelihood_of
from minimascope.curvature.minimum.minimum import Minimum, prepare

LINES = Path(__file__).parent / "results" / "gap_time.jsonl"
WEIGHT_DECAY = 1e-3


def main() -> None:
    """Trains, measures, prints and appends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=120)
    parser.add_argument("--examples", type=int, default=1437)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    minimum = _trained(given.width, given.examples)
    product = _cpu_seconds_of_the_product(minimum)
    start, wall = time.process_time(), time.perf_counter()
    result = estimate_gap(minimum.trained(weight_decay=WEIGHT_DECAY))
    spent = time.process_time() - start
    line = {
        "p": minimum.dim,
        "n": minimum.n,
        "rows": minimum.n * 10,
        "lambdas": len(result.curves["lambda"]),
        "threads": given.threads,
        "route": result.route,
        "product_cpu_seconds": round(product, 1),
        "estimate_cpu_seconds": round(spent, 1),
        "estimate_wall_seconds": round(time.perf_counter() - wall, 1),
        "ratio": round(spent / product, 2),
        "alo": result.estimates["alo_ggn"].value,
        "verdict": result.verdict,
    }
    LINES.parent.mkdir(exist_ok=True)
    with LINES.open("a") as out:
        out.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))


def _trained(width: int, examples: int) -> Minimum:
    torch.manual_seed(0)
    found = load_digits()
    X, y = torch.tensor(found.data)[:examples] / 16, torch.tensor(found.target)[:examples]
    network = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 10)).double()
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        ridge = torch.stack([q.square().sum() for q in network.parameters()]).sum()
        loss = functional.cross_entropy(network(X), y) + WEIGHT_DECAY / 2 * ridge
        loss.backward()
        return float(loss.detach())

    optimizer.step(closure)
    return prepare(network, X, y)


def _cpu_seconds_of_the_product(minimum: Minimum) -> float:
    likelihood = likelihood_of(minimum, minimum.inputs, minimum.targets)
    half = likelihood.half_curvature
    start = time.process_time()
    M = minimum.theta.new_zeros(minimum.dim, minimum.dim)
    for at, J in jacobian_chunks(minimum, minimum.inputs, outputs=10):
        B = (half[at].mT @ J).flatten(0, 1)
        M.addmm_(B.mT, B, alpha=1 / minimum.n)
    return time.process_time() - start


if __name__ == "__main__":
    main()
