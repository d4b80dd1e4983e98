"""Which measures follow the length of a decision boundary, at equal training loss.

    python benchmarks/complexity_study.py      # 5 CPU-minutes on one thread; goes on if killed

Networks of one shape are trained on checkerboards and under sine waves of growing complexity,
until their training loss is first below one of LOSSES. `NETWORKS` lists them, and was written
before any of them was trained; one that does not come down stays in the results and in no
correlation. Loss 0.05 with seed 0 was run first, the rest of LOSSES × SEEDS was listed after it.
Each is measured with the product's own functions, and Kendall's τ of each measure with the length
of the boundary, by loss and seed, goes into results/complexity_study.json.
docs/draw_complexity.py draws it.
"""

from __future__ import annotations

import json
import math
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import contourpy
import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from minimascope.boundary.complexity import alignment_matrix, complexity, random_max_alignment
from minimascope.boundary.margins import closest_crossings
from minimascope.curvature.minimum.minimum import Minimum, prepare
from minimascope.curvature.spectrum.outliers import outliers_by_gap, outliers_by_ratio
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

RESULTS = Path(__file__).parent / "results" / "complexity_study.json"
# Cells a side of a checkerboard, or waves across the square; all on [−1, 1]².
NETWORKS: tuple[tuple[str, float], ...] = (
    *(("checkerboard", cells) for cells in (2, 3, 4, 5, 6, 7)),
    *(("sine", waves) for waves in (0, 0.5, 1, 1.5, 2, 2.5, 3, 4)),
)
N, WIDTH = 600, 36
LOSSES, SEEDS = (0.05, 0.005), (0, 1)
STEPS, RATE = 12_000, 4e-3
THRESHOLDS = (1.0, 0.1, 0.01)
EPSILONS = (0.03, 0.1, 10**-0.75, 0.4)
GRID = 400
Row = dict[str, Any]


def classes(kind: str, complexity_: float, x: Tensor) -> Tensor:
    """Labels of points (n, 2) of the square."""
    if kind == "checkerboard":
        cells = ((x + 1) / 2 * complexity_).floor()
        return (cells.sum(1) % 2).long()
    return (x[:, 1] > 0.4 * torch.sin(math.pi * complexity_ * x[:, 0])).long()


def train(kind: str, complexity_: float, *, stop: float, seed: int) -> Minimum:
    """A 2-36-36-2 ReLU network in float64, full-batch Adam, stopped below a loss."""
    torch.manual_seed(seed)
    x = 2 * torch.rand(N, 2, dtype=torch.float64) - 1
    y = classes(kind, complexity_, x)
    network = nn.Sequential(
        *(nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()),
        nn.Linear(WIDTH, 2),
    ).double()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(x), y)
        if float(loss.detach()) < stop:
            break
        loss.backward()
        optimiser.step()
    return prepare(network, x, y)


def boundary_length(minimum: Minimum) -> float:
    """Length of the boundary inside [−1, 1]², from the logits on a grid."""
    axis = torch.linspace(-1, 1, GRID, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(-1, 2)
    with torch.no_grad():
        logits = minimum.network(grid)
    lead = (logits[:, 1] - logits[:, 0]).view(GRID, GRID).numpy()
    lines = contourpy.contour_generator(axis.numpy(), axis.numpy(), lead).lines(0.0)
    return float(sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines))


def soft_rank(eigenvalues: Tensor, level: float) -> float:
    """Of the Hessian without its negative part."""
    positive = eigenvalues.clamp_min(0)
    return float((positive / (positive + level)).sum())


def measured(kind: str, complexity_: float, *, stop: float, seed: int) -> Row:
    """One network trained and measured."""
    started = time.process_time()
    minimum = train(kind, complexity_, stop=stop, seed=seed)
    with torch.no_grad():
        logits = minimum.network(minimum.inputs)
    loss = float(nn.functional.cross_entropy(logits, minimum.targets))
    spectrum = compute_spectrum(minimum, Wanted(top_k=10))
    values = spectrum.known_eigenvalues.double()
    assert spectrum.known_eigenvectors is not None
    matrix = alignment_matrix(minimum, spectrum.known_eigenvectors)
    own = complexity(matrix, dim=minimum.dim, random=random_max_alignment(minimum))
    margins = closest_crossings(minimum).values[logits.argmax(1) == minimum.targets]
    found: Row = {
        "kind": kind,
        "complexity": complexity_,
        "stop": stop,
        "seed": seed,
        "loss": loss,
        "reached": loss < stop,
        "length": boundary_length(minimum),
        "parameters": minimum.dim,
    }
    found |= {f"above {level:g}": int((values > level).sum()) for level in THRESHOLDS}
    found |= {f"soft rank at {level:g}": soft_rank(values, level) for level in THRESHOLDS}
    found |= {
        "outliers above 0.1 λ1": outliers_by_ratio(values),
        "outliers above the largest gap": outliers_by_gap(values, 2),
        "λ1": float(values[0]),
        "trace": spectrum.trace,
        "n90": own.n90,
        "G at its own ε": own.g_at_epsilon,
    }
    for epsilon in EPSILONS:
        at = complexity(matrix, dim=minimum.dim, epsilon=epsilon, curve=[epsilon])
        found[f"G at {epsilon:.3g}"] = at.g_at_epsilon
    found |= {
        "median margin": float(margins.nanmedian()),
        "smallest margin": float(margins.nan_to_num(nan=torch.inf).min()),
        "norm": float(minimum.theta.norm()),
        "cpu_seconds": time.process_time() - started,
    }
    return found


NOT_MEASURES = {"kind", "complexity", "stop", "seed", "loss", "reached"}
NOT_MEASURES |= {"length", "parameters", "cpu_seconds"}


def taus(rows: list[Row]) -> dict[str, float | None]:
    """Kendall's τ of every measure with the boundary's length, over networks that came down."""
    kept = [row for row in rows if row["reached"]]
    lengths = [row["length"] for row in kept]
    found: dict[str, float | None] = {}
    for name in (name for name in rows[0] if name not in NOT_MEASURES):
        values = [row[name] for row in kept]
        constant = len(set(values)) < 2 or None in values
        found[name] = None if constant else float(kendalltau(lengths, values).statistic)
    return found


def main() -> None:
    rows: list[Row] = json.loads(RESULTS.read_text())["networks"] if RESULTS.exists() else []
    done = {(row["stop"], row["seed"], row["kind"], row["complexity"]) for row in rows}
    for stop, seed in product(LOSSES, SEEDS):
        for kind, complexity_ in NETWORKS:
            if (stop, seed, kind, complexity_) in done:
                continue
            rows.append(measured(kind, complexity_, stop=stop, seed=seed))
            last = rows[-1]
            print(
                f"{kind} {complexity_}, loss {last['loss']:.3f}, seed {seed}: "
                f"length {last['length']:.2f}, {last['cpu_seconds']:.0f} s"
            )
            RESULTS.write_text(json.dumps(found(rows), indent=1) + "\n")
    for group in found(rows)["groups"]:
        print(f"loss {group['stop']:g}, seed {group['seed']}, {group['networks']} networks")
        for name, tau in group["tau"].items():
            print(f"  {name:32} {'—' if tau is None else f'{tau:+.2f}'}")


def found(rows: list[Row]) -> dict[str, Any]:
    """Every network, and τ by loss and seed."""
    groups: list[dict[str, Any]] = []
    for stop, seed in product(LOSSES, SEEDS):
        mine = [row for row in rows if (row["stop"], row["seed"]) == (stop, seed)]
        if mine:
            came = sum(row["reached"] for row in mine)
            groups.append({"stop": stop, "seed": seed, "networks": came, "tau": taus(mine)})
    return {"networks": rows, "groups": groups}


if __name__ == "__main__":
    main()
