"""A refusal is placed at the field that it is about, and every field is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.components import budget
from dashboard.pages.upload.checks import plan_words, too_large
from dashboard.pages.upload.fields import HELD, field_of
from dashboard.pages.upload.request import request_of
from minimascope.contract.parameters import USUAL, Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisPlan

ANSWERS = Path(__file__).parents[2] / "cases" / "recorded"
FILES = {"checkpoint": {"id": "a" * 64}, "train": {"id": "b" * 64}}
ASKED = {"family": "mlp", "activation": "relu", "loss": "cross_entropy"}


@pytest.mark.parametrize(
    ("changed", "files", "field"),
    [
        ({}, {}, "drop-checkpoint"),
        ({}, {"checkpoint": FILES["checkpoint"]}, "drop-train"),
        ({"activation": ""}, FILES, "up-activation"),
        ({"family": "sequential", "sequential": "{"}, FILES, "up-sequential"),
        ({"top-k": "many"}, FILES, "up-top-k"),
        ({"top-k": "-3"}, FILES, "up-top-k"),
        ({"seed": "x"}, FILES, "up-seed"),
        ({"lambdas": "1e-3, no"}, FILES, "up-lambdas"),
        ({"examples": "0"}, FILES, "up-examples"),
        ({"stages": []}, FILES, "up-stages"),
        ({"budget": "other"}, FILES, "up-seconds"),
        ({"budget": "other", "seconds": "soon"}, FILES, "up-seconds"),
        ({"budget": "other", "seconds": "-1"}, FILES, "up-seconds"),
        ({"weight_decay": "lots"}, FILES, "up-weight-decay"),
        ({"weight_decay": "-1"}, FILES, "up-weight-decay"),
    ],
)
def test_what_the_form_refuses_is_said_at_its_field(
    changed: dict[str, Any], files: dict[str, Any], field: str
) -> None:
    with pytest.raises(ProblemError) as refused:
        request_of({**ASKED, **changed}, files)
    assert field_of(refused.value) == field
    assert field.startswith("drop-") or field in HELD


def test_what_the_worker_refuses_is_said_at_the_file_it_names() -> None:
    told = ProblemError("nan_data", "Test data: the inputs hold NaN.")
    assert field_of(told) == "drop-test"
    assert field_of(ProblemError("fault", "Something else.")) == ""


@pytest.mark.parametrize(
    ("asked", "seconds", "most", "said"),
    [
        ({}, None, USUAL, "normal, 5 min at most"),
        ({"budget": "normal", "seconds": "7"}, None, USUAL, "normal, 5 min at most"),
        ({"budget": "quick"}, 60.0, None, "quick look, 60 s"),
        ({"budget": "everything"}, None, None, "everything"),
        ({"budget": "other", "seconds": "120"}, 120.0, None, "budget of 2 min"),
    ],
)
def test_a_choice_of_time_is_asked_for_and_told_again(
    asked: dict[str, Any], seconds: float | None, most: float | None, said: str
) -> None:
    parameters = request_of({**ASKED, **asked}, FILES).parameters
    assert (parameters.seconds, parameters.seconds_at_most) == (seconds, most)
    assert budget.chosen(parameters) == asked.get("budget", "normal")
    assert budget.said(parameters) == said


def test_the_plan_says_what_becomes_of_what_takes_longer() -> None:
    plan = AnalysisPlan.model_validate_json((ANSWERS / "plan.json").read_text())

    def said(**limits: float) -> str:
        return str(plan_words(plan, Parameters(**limits)))

    assert "Normal: nothing is shortened." in said(seconds_at_most=USUAL)
    assert "Other keeps to 5 s: what does not fit" in said(seconds=5.0)
    assert "keeps to" not in said()
    refused = ProblemError("does_not_fit", "This needs 90 GiB.")
    assert "Normal keeps to 5 min" in str(too_large(refused, Parameters(seconds_at_most=USUAL)))
