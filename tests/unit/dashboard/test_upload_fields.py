"""A refusal is placed at the field that it is about, and every field is kept."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.pages.upload.fields import HELD, field_of
from dashboard.pages.upload.request import request_of
from minimascope.contract.problems import ProblemError

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
