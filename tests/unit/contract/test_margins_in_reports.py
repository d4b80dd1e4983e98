"""Brackets in words, and margins of schema 1 as those of schema 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minimascope.contract.report import Bracket, Margins
from minimascope.contract.report.schema_1 import margins

DEMOS = Path(__file__).parents[3] / "backend" / "demos"


@pytest.mark.parametrize(
    ("bracket", "words"),
    [
        (Bracket(), "no crossing found"),
        (Bracket(upper=2.0), "at most 2; not bounded below"),
        (Bracket(lower=1.0, upper=2.0), "at least 1, at most 2"),
        (Bracket(lower=0.1, upper=2.0), "at most 2; no useful lower bound (0.1 certified)"),
        (Bracket(lower=0.0, upper=2.0), "at most 2; no useful lower bound (0 certified)"),
    ],
)
def test_a_bracket_says_what_is_known_of_both_ends(bracket: Bracket, words: str) -> None:
    assert bracket.words(lambda value: f"{value:g}") == words


def test_margins_are_distinguished_where_brackets_are_apart_and_only_there() -> None:
    one = Bracket(lower=1.0, upper=2.0)
    assert one.overlaps(Bracket(lower=2.0, upper=3.0))
    assert not one.overlaps(Bracket(lower=2.1, upper=3.0))
    assert one.overlaps(Bracket(upper=1.5))  # which may be anything below
    assert not one.overlaps(Bracket(upper=0.9))
    assert one.overlaps(Bracket())


def test_margins_of_schema_1_keep_their_numbers_as_upper_ends() -> None:
    pair = {"own": 0, "beyond": 1, "min": 0.25}
    point = {"point": 7, "margin": 0.25, "own": 0, "beyond": 1}
    certified = {"min": 0.25, "median": 1.5, "per_class": {"0": 0.25, "1": None}, "argmin": 7}
    certified |= {"per_pair": [pair], "smallest": [point], "searched": 30, "norm": "l2"}
    old = {"certified": certified, "eigenvector": [], "disagreement": None}
    found = Margins.model_validate(margins(old))
    assert found.l2.smallest == Bracket(upper=0.25)
    assert found.l2.median.upper == 1.5
    assert found.l2.per_class == {"0": Bracket(upper=0.25), "1": Bracket()}
    assert found.l2.per_pair[0].margin.upper == 0.25
    assert found.l2.nearest[0].point == found.l2.argmin == 7
    assert found.l2.searched == 30
    assert found.l2.misclassified is None
    assert "analyse again" in (found.l2.not_bounded or "")
    assert found.linf is None


@pytest.mark.parametrize("path", sorted(DEMOS.glob("*/report.json")), ids=lambda p: p.parent.name)
def test_the_shipped_margins_are_read(path: Path) -> None:
    document = json.loads(path.read_text())
    section = document["margins"]
    if "certified" in section:
        section = margins(section)
    found = Margins.model_validate(section)
    assert found.l2.smallest.upper is not None
    assert found.linf is not None
