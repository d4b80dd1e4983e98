"""What the browser tests show as a worker's answers is what a worker answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cases.record import FOLDER, answers

MEASURED = {  # by the clock of the machine that recorded
    "seconds",
    "seconds_range",
    "seconds_per_product",
    "stage_seconds",
    "peak_bytes",
    "sentence",
}
# Of files that torch and NumPy write, each version in its way, and of weights to their last bit.
HASHED = {"sha256", "digest"}


def assert_alike(now: Any, then: Any, at: str = "") -> None:
    """Equal but for clocks, hashes, and rounding in the training of the networks."""
    if isinstance(now, dict):
        assert now.keys() == then.keys(), at
        for key in now.keys() - MEASURED - HASHED:
            assert_alike(now[key], then[key], f"{at}/{key}")
    elif isinstance(now, list):
        assert len(now) == len(then), at
        for index, (one, other) in enumerate(zip(now, then, strict=True)):
            assert_alike(one, other, f"{at}/{index}")
    elif isinstance(now, float):
        # What is shown has three digits.
        assert now == pytest.approx(then, rel=2e-2, abs=1e-3), at
    else:
        assert now == then, at


def test_a_worker_answers_what_was_recorded(tmp_path: Path) -> None:
    known = {path.stem for path in FOLDER.glob("*.json")}
    for name, answer in answers(tmp_path):
        then = json.loads((FOLDER / f"{name}.json").read_text())
        assert_alike(json.loads(json.dumps(answer)), then, name)
        known.remove(name)
    assert known == set()
