"""Generalization-gap estimates against the measured gap of 124 small networks, and convex models.

Resumable: one JSON line a network is appended to results/gap_study.jsonl, and a network that is
there already is not trained again; with all of them there only the tables and the picture are
made. About 15 minutes on two quiet cores from nothing. Findings: docs/gap_study.md.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from study.convex import convex_lines
from study.networks import Design, designs, trained
from study.picture import picture
from study.readings import readings
from study.tables import report

from minimascope.curvature.gap.estimate import estimate_gap
from minimascope.curvature.gap.hessian_clipped import KnownHessian
from minimascope.curvature.gap.result import GapResult
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.spectrum.spectrum import compute_spectrum
from minimascope.curvature.spectrum.wanted import Wanted

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "gap_study.jsonl"
CONVEX = RESULTS / "gap_convex.jsonl"
SUMMARY = RESULTS / "gap_study.md"
PICTURE = RESULTS / "gap_study.svg"


def main() -> None:
    """Trains and analyses what is missing, then writes and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--most", type=int, default=None, help="stop after so many new networks")
    parser.add_argument("--share", default="0/1", help="i/k: every k-th network, from the i-th")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    RESULTS.mkdir(exist_ok=True)
    done = {line["name"] for line in _lines(LINES)}
    first, every = (int(part) for part in given.share.split("/"))
    missing = [design for design in designs()[first::every] if design.name not in done]
    for design in missing[: given.most]:
        _append(LINES, analysed(design))
    seen = {line["name"] for line in _lines(CONVEX)}
    for line in convex_lines(skip=seen):
        _append(CONVEX, line)
    SUMMARY.write_text(report(_lines(LINES), _lines(CONVEX)))
    primary = [each for line in _lines(LINES) for each in readings(line) if each.primary]
    PICTURE.write_text(picture(primary))
    print(SUMMARY.read_text())


def analysed(design: Design, *, hessian: bool = True) -> dict[str, Any]:
    """One line: the network, its measured gap, and every reading of its curvature.

    No verdict: docs/gap_study.md says what judged it. Reading `weight_decay`
    takes it for a converged minimum at its weight decay, `schedule` also knows lr, momentum and
    steps (SGD only); `primary` is the one that tells all that is known. Without `hessian` its
    spectrum is not computed.
    """
    start = time.process_time()
    minimum, test = trained(design)
    after_training = time.process_time()
    spectrum = compute_spectrum(minimum, Wanted(top_k=1)) if hessian else None
    exact = spectrum if spectrum is not None and spectrum.complete else None
    pairs = None
    if exact is not None:
        pairs = KnownHessian(exact.known_eigenvalues, exact.known_eigenvectors)
    readings: dict[str, GapResult] = {}
    for reading, knows in _knowledge(design).items():
        known = minimum.trained(**knows)
        readings[reading] = estimate_gap(known, test=test, hessian=pairs)
    primary = "schedule" if "schedule" in readings else "weight_decay"
    measured = readings[primary].measured
    assert measured is not None
    return {
        "name": design.name,
        "design": asdict(design),
        "p": minimum.dim,
        "hessian_complete": exact is not None,
        "train_loss": float(readings[primary].train_loss.mean()),
        "train_accuracy": _accuracy(minimum, (minimum.inputs, minimum.targets)),
        "test_accuracy": _accuracy(minimum, test),
        "gap": measured.value,
        "gap_standard_error": measured.standard_error,
        "primary": primary,
        "readings": {reading: _reading(result) for reading, result in readings.items()},
        "training_cpu_seconds": after_training - start,
        "analysis_cpu_seconds": time.process_time() - after_training,
    }


def _knowledge(design: Design) -> dict[str, dict[str, Any]]:
    ways: dict[str, dict[str, Any]] = {}
    if design.weight_decay > 0:
        ways["weight_decay"] = {"weight_decay": design.weight_decay}
    if design.optimizer == "sgd":
        ways["schedule"] = {
            "weight_decay": design.weight_decay,
            "lr": design.lr,
            "momentum": design.momentum,
            "steps": design.steps,
        }
    return ways


def _reading(result: GapResult) -> dict[str, Any]:
    return {
        "lambda": result.lambda_,
        "newton_decrement": result.newton_decrement,
        "route": result.route,
        "estimates": {name: each.value for name, each in result.estimates.items()},
        "alo_standard_error": result.estimates["alo_ggn"].standard_error,
        "diagnostics": result.diagnostics,
        "baselines": result.baselines,
    }


def _accuracy(minimum: Minimum, labelled: tuple[torch.Tensor, torch.Tensor]) -> float:
    with torch.no_grad():
        chosen = minimum.network(labelled[0]).argmax(dim=1)
    return float((chosen == labelled[1]).double().mean())


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a") as out:
        out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
