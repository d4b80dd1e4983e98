"""The blind extension of the gap study: 60 networks listed beforehand, judged by the rule of then.

Rule and criteria: study/gap_blind.md. Resumable like gap_study.py; `--seconds` ends a piece early.
Writes results/gap_blind.jsonl, and the tables only when every network of the list is there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from gap_study import analysed
from study.blind import listed
from study.blind_tables import blind_report

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "gap_blind.jsonl"
SUMMARY = RESULTS / "gap_blind.md"


def main() -> None:
    """Trains and analyses what is missing; tables when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0, help="start no network after this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.perf_counter()
    done = {line["name"] for line in _lines()}
    missing = [design for design in listed() if design.name not in done]
    for design in missing:
        if time.perf_counter() - begun > given.seconds:
            break
        with LINES.open("a") as out:
            out.write(json.dumps(analysed(design, hessian=False)) + "\n")
    if len(_lines()) < len(listed()):
        print(f"{len(_lines())} of {len(listed())} networks are there; run it again.")
        return
    SUMMARY.write_text(blind_report(_lines()))
    print(SUMMARY.read_text())


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LINES.read_text().splitlines()] if LINES.exists() else []


if __name__ == "__main__":
    main()
