"""The practice study: gap intervals of 240 networks trained the way people train.

Stages, each resumable: `list` draws the list again, `train`, `reference`.
What is measured: docs/practice_study.md; what was promised before: practice/protocol.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from practice.alpha import alpha
from practice.case import Case, listed, write_list
from practice.draws import cases
from practice.measuring import baselines, measured_reference
from practice.oracle import retrained
from practice.picture import picture
from practice.product import answered
from practice.report import TITLES, report
from practice.rows import rows
from practice.rule import AMENDED
from practice.stored import folder, store, stored
from practice.training import trained

RESULTS = Path(__file__).parent / "results"
STAGES = ["list", "train", "reference", "estimate", "baselines", "oracle", "alpha", "tables"]


def main() -> None:
    """Runs one stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--half", choices=["calibration", "blind", "oracle"], action="append")
    given = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [case for case in listed() if given.half is None or case.half in given.half]
    match given.stage:
        case "list":
            write_list(cases())
        case "train":
            train(wanted)
        case "reference":
            append("reference", wanted, measured_reference)
        case "baselines":
            append("baselines", wanted, baselines)
        case "estimate":
            append("product", sorted(wanted, key=size), answered)
        case "alpha":
            append("alpha", wanted, alpha)
        case "tables":
            tables()
        case "oracle":
            append("oracle", [case for case in wanted if case.half == "oracle"], retrained)


def train(wanted: list[Case]) -> None:
    """Trains what is missing; the halves take turns, so that an early end leaves some of each."""
    for case in sorted(wanted, key=lambda case: case.name[1:4]):
        if (folder(case) / "facts.json").exists():
            continue
        began = time.process_time()
        facts = store(trained(case))
        spent = time.process_time() - began
        print(f"{case.name}: {facts['steps']} steps, {spent:.1f} CPU-s", flush=True)
    known = [folder(case) / "facts.json" for case in listed()]
    lines = [json.dumps(json.loads(path.read_text())) for path in known if path.exists()]
    (RESULTS / "practice_networks.jsonl").write_text("\n".join(lines) + "\n")


def size(case: Case) -> float:
    """What an answer costs, about: small networks first."""
    facts = stored(case)
    return 0.0 if facts is None else case.n * facts[2]["outputs"] * facts[2]["p"] ** 2


def tables() -> None:
    """Writes results/practice_study.md and the picture."""
    names = ["networks", "reference", "product", "baselines", "alpha", "oracle"]
    lines = {
        name: {line["name"]: line for line in lines_of(RESULTS / f"practice_{name}.jsonl")}
        for name in names
    }
    (RESULTS / "practice_study.md").write_text(report(listed(), lines))
    halves = {
        TITLES[half]: rows(
            [case for case in listed() if case.half == half],
            lines["networks"],
            lines["reference"],
            AMENDED,
        )
        for half in TITLES
    }
    (RESULTS / "practice_study.svg").write_text(picture(halves))


def append(name: str, wanted: list[Case], compute: Callable[[Case], dict[str, Any] | None]) -> None:
    """Adds a line a network to results/practice_NAME.jsonl, for networks that have none there."""
    path = RESULTS / f"practice_{name}.jsonl"
    done = {line["name"] for line in lines_of(path)}
    for case in wanted:
        line = None if case.name in done else compute(case)
        if line is not None:
            with path.open("a") as out:
                out.write(json.dumps(line) + "\n")
            print(f"{case.name}: {name}", flush=True)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a file that may not be there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    main()
