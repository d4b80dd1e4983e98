"""K-fold against the measured gap: networks of the gap study trained anew on folds; least squares.

Resumable: one JSON line a network is appended to results/cross_validation.jsonl. Five folds of all
124 networks take some 20 minutes on one core; `--most` stops earlier, after as many of each family.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from study.networks import Design, data, designs, fitted
from torch import Tensor, nn

import minimascope

RESULTS = Path(__file__).parent / "results"
STUDY = RESULTS / "gap_study.jsonl"
LINES = RESULTS / "cross_validation.jsonl"
SUMMARY = RESULTS / "cross_validation.md"
K = 5
SQUARES = ((60, 10, 5), (60, 10, 10), (60, 25, 5), (200, 10, 5), (400, 5, 5))  # n, columns, k
SETS = 600
Array = np.ndarray[Any, Any]


def main() -> None:
    """Trains what is missing, then writes and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=None, help="stop after so many new networks")
    given = parser.parse_args()
    torch.set_num_threads(1)
    done = {line["name"] for line in _lines(LINES)}
    studied = {line["name"]: line for line in _lines(STUDY)}
    missing = [each for each in designs() if each.name in studied and each.name not in done]
    for design in missing[: given.most]:
        with LINES.open("a") as file:
            file.write(json.dumps(line_of(design, studied[design.name])) + "\n")
    SUMMARY.write_text(f"{networks_table(_lines(LINES))}\n{squares_table()}")
    print(SUMMARY.read_text())


def line_of(design: Design, studied: dict[str, Any]) -> dict[str, Any]:
    """K-fold of one network beside what the study measured and estimated of it."""
    X, y, *_ = data(design)
    begun = time.process_time()
    found = minimascope.cross_validate(partial(_fit, design), (X, y), K, seed=design.seed)
    reading = studied["readings"][studied["primary"]]
    return {
        "name": design.name,
        "n": design.n,
        "optimizer": design.optimizer,
        "gap": studied["gap"],
        "gap_standard_error": studied["gap_standard_error"],
        "alo": reading["estimates"].get("alo_ggn"),
        "folds": found.estimate.model_dump(),
        "cpu_seconds": time.process_time() - begun,
    }


def _fit(design: Design, train: tuple[Tensor, Tensor]) -> nn.Module:
    return fitted(design, *train)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def networks_table(lines: list[dict[str, Any]]) -> str:
    """Within a factor two, order, and how often one standard error holds the measured gap."""
    known = [line for line in lines if line["gap"] > 2 * line["gap_standard_error"]]
    rows = []
    readings: dict[str, Callable[[dict[str, Any]], float | None]] = {
        f"K-fold, k = {K}": lambda line: line["folds"]["gap"],
        "K-fold, corrected to n": lambda line: line["folds"]["gap_at_n"],
        "ALO, where there is one": lambda line: line["alo"],
    }
    for name, value in readings.items():
        rows.append(f"| {name} | {' | '.join(_judged(known, value))} |")
    head = "| | networks | within ×2 | rms factor | median estimate / gap | τ | ± 1 | ± 1.645 |"
    return "\n".join(
        [
            f"{len(lines)} networks of the gap study, {len(known)} with a gap above two standard "
            "errors; ± 1 and ± 1.645: how often so many standard errors, the test set's added, "
            "hold the measured gap.\n",
            head,
            "|---" * 8 + "|",
            *rows,
            "",
        ]
    )


def _judged(lines: list[dict[str, Any]], value: Callable[[Any], float | None]) -> list[str]:
    from scipy.stats import kendalltau

    pairs = [(found, line) for line in lines if (found := value(line)) is not None]
    estimate = np.array([max(found, 1e-6) for found, _ in pairs])
    gap = np.array([line["gap"] for _, line in pairs])
    off = np.log(estimate / gap)
    near = np.abs(off) <= np.log(2)
    error = np.array(
        [np.hypot(x["folds"]["standard_error"], x["gap_standard_error"]) for _, x in pairs]
    )
    apart = np.abs(estimate - gap) / error
    return [
        str(len(pairs)),
        f"{near.sum()} ({near.mean():.0%})",
        f"{np.exp(np.sqrt(np.mean(off**2))):.2f}",
        f"{np.exp(np.median(off)):.2f}",
        f"{kendalltau(estimate, gap).statistic:.2f}",
        f"{np.mean(apart < 1):.0%}",
        f"{np.mean(apart < 1.645):.0%}",
    ]


def squares_table() -> str:
    """Least squares with a Gaussian design: gaps known exactly, errors against what they are of."""
    rows = [_squares(*each) for each in SQUARES]
    return "\n".join(
        [
            f"Least squares, {SETS} training sets a row. Errors as multiples of the standard "
            "deviation that they are of; the last two: how often one standard error holds the gap "
            "of the training set at hand, from the corrected gap.\n",
            "| n, columns, k | E gap at n(1 − 1/k) | K-fold | E gap at n | corrected "
            "| error of the expected | of the set at hand | holds | over folds holds |",
            "|---" * 9 + "|",
            *rows,
            "",
        ]
    )


def _squares(n: int, columns: int, k: int) -> str:
    random = np.random.default_rng([n, columns, k])
    found = np.array([_one_set(random, n, columns, k) for _ in range(SETS)])
    gap, at_n, expected, own, folds, true = found.T

    def exact(m: float) -> float:
        return 0.5 * (columns / (m - columns - 1) + columns / m)

    cells = [
        f"{n}, {columns}, {k}",
        f"{exact(n * (1 - 1 / k)):.4f}",
        f"{gap.mean():.4f} ± {gap.std() / SETS**0.5:.4f}",
        f"{exact(n):.4f}",
        f"{at_n.mean():.4f} ± {at_n.std() / SETS**0.5:.4f}",
        f"{np.sqrt(np.mean(expected**2)) / gap.std():.2f}",
        f"{np.sqrt(np.mean(own**2)) / (gap - true).std():.2f}",
        f"{np.mean(np.abs(at_n - true) < own):.0%}",
        f"{np.mean(np.abs(at_n - true) < folds):.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def _one_set(random: np.random.Generator, n: int, columns: int, k: int) -> tuple[float, ...]:
    X, y = random.normal(size=(n, columns)), random.normal(size=n)  # the true weights are 0
    found = minimascope.cross_validate(_least_squares, (X, y), k, loss="mse")
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    true = 0.5 * (1 + w @ w) - 0.5 * float(np.mean((y - X @ w) ** 2))
    errors = found.standard_error_of_expected, found.standard_error, found.standard_error_over_folds
    return found.gap, found.gap_at_n, *errors, true


def _least_squares(train: tuple[Array, Array]) -> Callable[[Array], Array]:
    w = np.linalg.lstsq(*train, rcond=None)[0]
    return lambda X: X @ w


if __name__ == "__main__":
    main()
