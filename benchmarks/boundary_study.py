"""Which claims of arXiv 2306.07104 hold, on 25 minima trained here.

    python benchmarks/boundary_study.py [--problems gauss,circle] [--n 120]

Trains five kinds of minima on five problems (benchmarks/boundary/), measures each with the
product's own functions, writes results/boundary_<problem>.json and the paper's figure as .svg,
and prints what holds, with numbers, over all problems written so far (`--problems ""` only
prints). About 5 CPU-minutes; a minimum under 30 CPU-seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.boundary.data import PROBLEMS, draw
from benchmarks.boundary.measures import Study, study
from benchmarks.boundary.minima import KINDS, rescaled, train
from benchmarks.boundary.picture import figure
from minimascope.curvature.minimum.minimum import Minimum

RESULTS = Path(__file__).parent / "results"
N_TEST = 4000
# Two test accuracies differ if they are apart by more than this: 3 standard errors of a
# difference at N_TEST and 90%, rounded up.
RESOLVED = 0.02
# Measure → sign of its expected relation with test accuracy.
EXPECTED = {
    "G": -1,
    "n90": -1,
    "lambda_1": -1,
    "trace": -1,
    "norm": -1,
    "margin": 1,
    "median_margin": 1,
    "eigenvector_margin": 1,
}
FIGURES = ("gauss", "checkerboard")


def row(found: Study, epsilon: float) -> dict[str, Any]:
    """The numbers of one minimum at the problem's shared ε."""
    count, outside = found.count(epsilon)
    flips, control = found.flips.per_vector[:5], found.flips.random_control
    return {
        "test_accuracy": found.test_accuracy,
        "train_accuracy": found.train_accuracy,
        "train_loss": found.train_loss,
        "gap": found.gap,
        "G": count / found.dim,
        "G_at_most": (count + outside) / found.dim,
        **{name: getattr(found, name) for name in ("n90", "lambda_1", "trace", "norm")},
        **{name: getattr(found, name) for name in EXPECTED if "margin" in name},
        "strong_cross": [each.strong_cross for each in flips],
        "strong_inside": [each.strong_inside for each in flips],
        "random_cross": control.cross,
        "random_strong_edges": control.n_strong_cross,
        "explained": found.flips.explained,
        "cpu_seconds": found.seconds,
    }


def ordering(rows: dict[str, dict[str, Any]], kinds: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """For every measure: pairs put in the right order, of those that test accuracy resolves."""
    result = dict.fromkeys(EXPECTED, (0, 0))
    for a, b in combinations(kinds, 2):
        difference = rows[a]["test_accuracy"] - rows[b]["test_accuracy"]
        if abs(difference) <= RESOLVED:
            continue
        for name, sign in EXPECTED.items():
            first, second = rows[a][name], rows[b][name]
            if first is None or second is None:
                continue
            right, pairs = result[name]
            result[name] = right + (sign * (first - second) * difference > 0), pairs + 1
    return result


def rescaling(minimum: Minimum, test: tuple[torch.Tensor, torch.Tensor], epsilon: float) -> dict:
    """How each measure answers to a change of parameters that leaves the function alone."""
    result: dict[str, Any] = {}
    for factor in (0.25, 1.0, 4.0):
        measured = row(study(rescaled(minimum, factor), test), epsilon)
        result[f"{factor:g}"] = {name: measured[name] for name in ("test_accuracy", *EXPECTED)}
    return result


def problem(name: str, n: int) -> tuple[dict[str, Any], dict[str, Study], dict[str, tuple]]:
    """All minima of one problem."""
    x, y = draw(name, n, seed=1)
    test = draw(name, N_TEST, seed=2)
    studies: dict[str, Study] = {}
    minima: dict[str, Minimum] = {}
    for kind in KINDS:
        started = time.process_time()
        minima[kind] = train(kind, x, y, seed=3)
        trained = time.process_time() - started
        studies[kind] = study(minima[kind], test)
        loss = studies[kind].train_loss
        print(
            f"{name}/{kind}: loss {loss:.2g}, trained in {trained:.0f}, "
            f"studied in {studies[kind].seconds:.0f} CPU-s",
            file=sys.stderr,
        )
    epsilon = sum(each.threshold for each in studies.values()) / len(studies)
    rows = {kind: row(found, epsilon) for kind, found in studies.items()}
    result = {"epsilon": epsilon, "minima": rows}
    if name == "gauss":
        result["rescaling"] = rescaling(minima["normal"], test, epsilon)
    data = {kind: (m.inputs.numpy(), m.targets.numpy()) for kind, m in minima.items()}
    return result, studies, data


def print_problem(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name} (shared ε = {found['epsilon']:.3f})")
    columns = ["test_accuracy", "train_loss", *EXPECTED, "cpu_seconds"]
    print("  " + "".join(f"{each:>19}" for each in ["", *columns]))
    for kind, values in found["minima"].items():
        cells = [
            kind,
            *(f"{values[each]:.4g}" if values[each] is not None else "—" for each in columns),
        ]
        print("  " + "".join(f"{cell:>19}" for cell in cells))


def summary(problems: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Pairs ranked right, over all problems: with and without the random-label minima."""
    groups = {"true labels": KINDS[:-1], "with random labels": KINDS}
    ranked: dict[str, dict[str, str]] = {}
    for group, kinds in groups.items():
        totals = {name: [0, 0] for name in EXPECTED}
        for found in problems.values():
            for name, (right, pairs) in ordering(found["minima"], kinds).items():
                totals[name][0] += right
                totals[name][1] += pairs
        ranked[group] = {name: f"{right}/{pairs}" for name, (right, pairs) in totals.items()}
    rows = [each for found in problems.values() for each in found["minima"].values()]
    cross = [v for each in rows for v in each["strong_cross"] if v is not None]
    inside = [v for each in rows for v in each["strong_inside"] if v is not None]
    return {
        "pairs_ranked_right": ranked,
        "strong_flip_rate_on_boundary_median_min": [median(cross), min(cross)],
        "strong_flip_rate_elsewhere_median_max": [median(inside), max(inside)],
        "random_vectors_flip_on_boundary_median": median([each["random_cross"] for each in rows]),
        "boundary_explained_by_v1_to_v5_median": median([each["explained"][4] for each in rows]),
        "estimate_over_closest_crossing": sorted(
            each["eigenvector_margin"] / each["margin"]
            for each in rows
            if each["eigenvector_margin"] is not None
        ),
    }


def median(values: list[float]) -> float:
    return float(torch.tensor(values, dtype=torch.float64).median())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--output", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.output.mkdir(parents=True, exist_ok=True)
    for name in filter(None, asked.problems.split(",")):
        found, studies, data = problem(name, asked.n)
        (asked.output / f"boundary_{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        if name in FIGURES:
            (asked.output / f"boundary_{name}.svg").write_text(figure(name, studies, data))
    known = {name: asked.output / f"boundary_{name}.json" for name in PROBLEMS}
    problems = {name: json.loads(at.read_text()) for name, at in known.items() if at.exists()}
    for name, found in problems.items():
        print_problem(name, found)
    print("\n" + json.dumps(summary(problems), indent=1))
    print(json.dumps(problems.get("gauss", {}).get("rescaling", {}), indent=1))


if __name__ == "__main__":
    main()
