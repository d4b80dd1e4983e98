"""Classes named by their data: on figures, in tables; a name is never markup."""

from __future__ import annotations

import json

import pytest

from dashboard.drawing.class_names import LONGEST, class_name
from dashboard.drawing.packing import joined
from dashboard.drawing.payload import drawing
from tests.cases.reference_report import Found

NAMES = ["<b>A</b>", "B %{x}", "cat " * 20]


@pytest.fixture(scope="module")
def lettered(gauss: Found) -> Found:
    report = gauss[0].model_copy(deep=True)
    report.data.class_names = NAMES
    return report, gauss[1]


def test_every_class_of_every_figure_has_its_name(lettered: Found) -> None:
    figures = joined(drawing(*lettered)["figures"])
    assert json.loads(figures)
    assert not [n for n in range(3) if f"class {n}" in figures]
    assert "&lt;b>A" in figures
    assert "<b>A" not in figures
    assert "B %{" not in figures


def test_numbers_stay_numbers_and_long_names_are_cut() -> None:
    assert class_name([], 2) == "class 2"
    assert class_name(["cat"], 1) == "class 1"
    assert len(class_name(NAMES, 2)) == LONGEST
