"""The practice study: gap intervals of 662 networks trained the way people train.

Stages, each resumable: `list` draws the list again, `train`, `reference` (the rule in numpy),
`estimate` (the product), `baselines`, `oracle`, `alpha` (needs WeightWatcher), `tables`. Without
one, what has no result yet is trained and estimated, and the tables are made.
Findings: docs/practice_study.md; what was promised before: benchmarks/practice/protocol.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import torch
from practice.alpha import alpha
from practice.case import Case, Half, listed, write_list
from practice.draws import cases
from practice.measuring import baselines, measured_reference
from practice.oracle import retrained
from practice.picture import picture
from practice.product import answered
from practice.report import RULES, TITLES, report
from practice.rows import rows
from practice.stored import folder, store, stored
from practice.training import trained

RESULTS = Path(__file__).parent / "results"
LINES = ["reference", "product", "baselines"]  # one of each for every network


def main() -> None:
    """Runs one stage; without one, whatever has no result yet, and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["all", *STAGES], nargs="?", default="all")
    parser.add_argument("--half", choices=get_args(Half), action="append")
    given = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [case for case in listed() if given.half is None or case.half in given.half]
    if given.stage != "all":
        return STAGES[given.stage](wanted)
    done = [{line["name"] for line in lines_of(lines_path(name))} for name in LINES]
    missing = [case for case in wanted if not all(case.name in names for names in done)]
    for stage in ("train", "reference", "estimate", "baselines"):
        STAGES[stage](missing)
    return tables()


def train(wanted: list[Case]) -> None:
    """Trains what is missing; the halves take turns, so that an early end leaves some of each."""
    known = {line["name"]: line for line in lines_of(lines_path("networks"))}
    for case in sorted(wanted, key=lambda case: case.name[1:4]):
        if (folder(case) / "facts.json").exists():
            continue
        began = time.process_time()
        known[case.name] = store(trained(case))
        spent = time.process_time() - began
        print(f"{case.name}: {known[case.name]['steps']} steps, {spent:.1f} CPU-s", flush=True)
    lines = [json.dumps(known[case.name]) for case in listed() if case.name in known]
    lines_path("networks").write_text("\n".join(lines) + "\n")


def size(case: Case) -> float:
    """What an answer costs, about: small networks first."""
    facts = stored(case)
    return 0.0 if facts is None else case.n * facts[2]["outputs"] * facts[2]["p"] ** 2


def tables() -> None:
    """Writes results/practice_study.md and the picture."""
    names = ["networks", "reference", "product", "baselines", "alpha", "oracle"]
    lines = {name: {line["name"]: line for line in lines_of(lines_path(name))} for name in names}
    (RESULTS / "practice_study.md").write_text(report(listed(), lines))
    halves = {
        TITLES[half]: rows(
            [case for case in listed() if case.half == half],
            lines["networks"],
            lines["reference"],
            next(iter(RULES[half].values())),
        )
        for half in TITLES
    }
    (RESULTS / "practice_study.svg").write_text(picture(halves))


def append(name: str, wanted: list[Case], compute: Callable[[Case], dict[str, Any] | None]) -> None:
    """Adds a line a network to results/practice_NAME.jsonl, for networks that have none there."""
    path = lines_path(name)
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


def lines_path(name: str) -> Path:
    """Where the lines of a stage lie."""
    return RESULTS / f"practice_{name}.jsonl"


STAGES: dict[str, Callable[[list[Case]], None]] = {
    "list": lambda wanted: write_list(cases()),
    "train": train,
    "reference": lambda wanted: append("reference", wanted, measured_reference),
    "estimate": lambda wanted: append("product", sorted(wanted, key=size), answered),
    "baselines": lambda wanted: append("baselines", wanted, baselines),
    "oracle": lambda wanted: append(
        "oracle", [case for case in wanted if case.half == "oracle"], retrained
    ),
    "alpha": lambda wanted: append("alpha", wanted, alpha),
    "tables": lambda wanted: tables(),
}


if __name__ == "__main__":
    main()
