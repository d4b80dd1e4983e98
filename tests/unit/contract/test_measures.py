"""What the pages say of a measure is what the study found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minimascope.contract.report.measures import EVERY, TAU

ROOT = Path(__file__).parents[3]
STUDY = json.loads((ROOT / "benchmarks" / "results" / "complexity_study.json").read_text())


@pytest.mark.parametrize("measure", TAU)
def test_a_stated_correlation_is_that_of_the_results(measure: str) -> None:
    found = [group["tau"][measure] for group in STUDY["groups"]]
    assert len(found) == 4
    assert (round(min(found), 2), round(max(found), 2)) == TAU[measure]


def test_every_measure_says_what_it_says_and_what_it_does_not() -> None:
    for each in EVERY:
        assert each.says.endswith(".")
        assert each.not_says.endswith(".")


def test_at_least_thirteen_networks_reached_the_first_loss() -> None:
    assert [group["networks"] for group in STUDY["groups"] if group["stop"] == 0.05] == [14, 14]
