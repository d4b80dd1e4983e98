"""How many Lanczos steps pairs take, on networks that the planner's range was taken from.

    python benchmarks/spectra/convergence.py    # writes benchmarks/results/lanczos_steps.jsonl

Steps until k pairs have residuals below the tolerance, with λ_min to 1e-4·|λ1| as an analysis asks
and without. None of these networks is in benchmarks/plans.py, which tests the plans.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import torch
from sklearn.datasets import load_breast_cancer, load_wine
from torch import Tensor, nn

from minimascope.curvature.krylov.block import expand, krylov_space, random_rows
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.products.hessian import hessian
from minimascope.curvature.spectrum.eigenpairs import LOWEST
from minimascope.curvature.spectrum.wanted import Wanted, settled_pairs
from spectra.networks import Attention, cnn, mlp
from spectra.workloads import digits, train

RESULTS = Path(__file__).parents[1] / "results" / "lanczos_steps.jsonl"
STEPS = 400
ASKED = [(k, t) for k in (1, 5, 10, 20) for t in (1e-3, 1e-6)]


def tables(name: str) -> tuple[Tensor, Tensor]:
    found = {"wine": load_wine, "cancer": load_breast_cancer}[name]()
    inputs = torch.tensor(found.data)
    return (inputs - inputs.mean(0)) / inputs.std(0), torch.tensor(found.target)


def networks() -> dict[str, tuple[nn.Module, Tensor, Tensor, int]]:
    """Network, inputs, targets and epochs by name."""
    wine, cancer = tables("wine"), tables("cancer")
    relu, tanh, gelu = nn.ReLU, nn.Tanh, nn.GELU
    small, middle, large = digits(120), digits(600), digits(1600)
    noisy = digits(500, noise=0.5)
    return {
        "wine 13-24-3 tanh": (mlp(13, 24, 3, activation=tanh), *wine, 200),
        "wine 13-60-30-3 relu": (mlp(13, 60, 30, 3, activation=relu), *wine, 30),
        "cancer 30-40-2 gelu": (mlp(30, 40, 2, activation=gelu), *cancer, 20),
        "cancer 30-50-50-50-2 relu": (mlp(30, 50, 50, 50, 2, activation=relu), *cancer, 100),
        "digits 120 64-50-10 relu": (mlp(64, 50, 10, activation=relu), *small, 100),
        "digits 120 64-50-10 gelu untrained": (mlp(64, 50, 10, activation=gelu), *small, 1),
        "digits 600 64-80-40-10 tanh": (mlp(64, 80, 40, 10, activation=tanh), *middle, 15),
        "digits 600 64-128-128-128-10 relu": (
            mlp(64, 128, 128, 128, 10, activation=relu),
            *middle,
            60,
        ),
        "digits 1600 64-70-10 relu": (mlp(64, 70, 10, activation=relu), *large, 50),
        "digits 1600 64-70-10 tanh": (mlp(64, 70, 10, activation=tanh), *large, 10),
        "noisy digits 500 64-90-10 gelu": (mlp(64, 90, 10, activation=gelu), *noisy, 40),
        "noisy digits 500 64-90-10 relu, 300 epochs": (
            mlp(64, 90, 10, activation=relu),
            *noisy,
            300,
        ),
        "digits 120 CNN 4": (cnn(4, norm=False), *small, 60),
        "digits 600 CNN 6 BatchNorm": (cnn(6, norm=True), *middle, 20),
        "noisy digits 500 CNN 4": (cnn(4, norm=False), *noisy, 20),
        "digits 120 attention 12": (Attention(12, 1), small[0].reshape(-1, 8, 8), small[1], 60),
        "digits 600 attention 24, 2 layers": (
            Attention(24, 2),
            middle[0].reshape(-1, 8, 8),
            middle[1],
            10,
        ),
        "noisy digits 500 attention 16": (
            Attention(16, 1),
            noisy[0].reshape(-1, 8, 8),
            noisy[1],
            100,
        ),
    }


def steps(minimum: Minimum) -> dict[str, int | None]:
    """Steps by 'k tolerance' and 'k tolerance lowest'; None where 400 were too few."""
    operator = hessian(minimum)
    state = krylov_space(random_rows(operator, width=1, seed=0), capacity=STEPS)
    waiting = {
        f"{k} {tolerance:.0e}{' lowest' * (low is not None)}": Wanted(k, tolerance, low)
        for k, tolerance in ASKED
        for low in (None, LOWEST)
    }
    found: dict[str, int | None] = dict.fromkeys(waiting)
    while waiting and state.size < state.basis.shape[0] and state.block.shape[0]:
        expand(operator, state)
        for name, wanted in list(waiting.items()):
            if settled_pairs(state, wanted)[0] == wanted.count:
                found[name] = state.size
                del waiting[name]
    return found


def main() -> None:
    torch.set_num_threads(1)
    done = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    known = {json.loads(line)["network"] for line in done}
    torch.manual_seed(11)
    for name, (network, inputs, targets, epochs) in networks().items():
        if name in known:
            continue
        train(network, inputs, targets, epochs=epochs)
        minimum = prepare(network, inputs, targets)
        row = {"network": name, "p": minimum.dim, "n": minimum.n, "steps": steps(minimum)}
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)


if __name__ == "__main__":
    main()
