"""The story's numbers are those of the shipped minima, and its file is up to date."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.story import DEMOS, ENDS, TARGET, between, layers, logits, story, written


def test_the_file_is_what_the_minima_give() -> None:
    assert TARGET.read_text() == written()


def test_losses_at_the_ends_are_those_of_the_reports() -> None:
    told = story()
    for place, name in ((0, ENDS[0]), (-1, ENDS[1])):
        data = json.loads((DEMOS / name / "report.json").read_text())["data"]
        assert told["train"][place] == pytest.approx(data["train"]["loss"], abs=1e-5)
        assert told["test"][place] == pytest.approx(data["test"]["loss"], abs=1e-5)
        assert told["right"][place] == pytest.approx(data["test"]["accuracy"], abs=1e-4)


def test_rounded_weights_give_the_same_answers() -> None:
    told = story()
    exact = between(*(layers(name) for name in ENDS), 0.3)
    rounded = between(
        *([(np.array(w), np.array(b)) for w, b in each] for each in told["layers"]), 0.3
    )
    points = np.array(told["points"])
    np.testing.assert_allclose(logits(rounded, points), logits(exact, points), atol=1e-3)
