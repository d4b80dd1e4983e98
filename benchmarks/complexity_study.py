"""Which measures follow the length of a decision boundary, at equal training loss.

    python benchmarks/complexity_study.py      # about 8 CPU-minutes on one thread; goes on if killed

Networks of one shape are trained on checkerboards and under sine waves of growing complexity,
until their training loss is first below LOSS. `NETWORKS` lists them, and was written before any of
them was trained; one that does not come down to LOSS stays in the results and in no correlation.
Each is measured with the product's own functions, and Kendall's τ of each measure with the length
of the boundary goes into results/complexity_study.json. docs/draw_complexity.py draws it.
"""

from __future__ import annotations

import json
import math
import sys
import time
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
LOSS, STEPS, RATE = 0.05, 12_000, 4e-3
SEED = 0
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


def train(kind: str, complexity_: float) -> Minimum:
    """A 2-36-36-2 ReLU network in float64, full-batch Adam, stopped at LOSS."""
    torch.manual_seed(SEED)
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
        if float(loss.detach()) < LOSS:
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


def measured(kind: str, complexity_: float) -> Row:
    """One network trained and measured."""
    started = time.process_time()
    minimum = train(kind, complexity_)
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
        "loss": loss,
        "reached": loss < LOSS,
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


NOT_MEASURES = {"kind", "complexity", "loss", "reached", "length", "parameters", "cpu_seconds"}


def taus(rows: list[Row]) -> dict[str, float | None]:
    """Kendall's τ of every measure with the boundary's length, over networks that reached LOSS."""
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
    for kind, complexity_ in NETWORKS:
        if any(row["kind"] == kind and row["complexity"] == complexity_ for row in rows):
            continue
        rows.append(measured(kind, complexity_))
        last = rows[-1]
        print(
            f"{kind} {complexity_}: loss {last['loss']:.3f}, length {last['length']:.2f}, "
            f"{last['cpu_seconds']:.0f} s"
        )
        RESULTS.write_text(json.dumps({"networks": rows, "tau": taus(rows)}, indent=1) + "\n")
    for name, tau in taus(rows).items():
        print(f"{name:32} {'—' if tau is None else f'{tau:+.2f}'}")


if __name__ == "__main__":
    main()
