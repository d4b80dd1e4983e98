"""A number on the analysis page says what it is a number of, and when it is a bound."""

from __future__ import annotations

import json
from math import exp
from typing import Any

import pytest

from dashboard.pages.analysis.answer import check_number
from dashboard.pages.analysis.curvature_tabs import estimates
from dashboard.pages.analysis.words import TEMPERATURES, temperature
from minimascope.contract.report import Check
from minimascope.curvature.gap.calibration import LOG_TEMPERATURE
from tests.cases.reference_report import Found

AT_MOST = " (gradient over the decay's own 0.01; a minimum has at most 0.05)"


@pytest.mark.parametrize(
    ("found", "said"),
    [(0.0100000009, "≤ 0.01"), (99.99, "≥ 100"), (1.07, "1.07"), (None, "—")],
)
def test_a_temperature_at_the_end_of_its_search_is_a_bound(found: Any, said: str) -> None:
    assert temperature(found) == said


def test_the_ends_are_those_of_the_search() -> None:
    assert tuple(map(exp, LOG_TEMPERATURE)) == pytest.approx(TEMPERATURES)


@pytest.mark.parametrize(
    ("name", "value", "threshold", "said"),
    [
        ("convergence", 2.3, 0.05, " (gradient over the decay's own 2.3)"),
        ("convergence", 0.01, 0.05, AT_MOST),
        ("temperature", 0.01, 1.2, " (temperature ≤ 0.01; at most 1.2)"),
        ("bracket", 9.5, 3.0, ""),  # its sentence has it
        ("optimizer", None, None, ""),
    ],
)
def test_a_check_says_what_it_measured(name: str, value: Any, threshold: Any, said: str) -> None:
    check = Check(name=name, value=value, threshold=threshold, passed=True, sentence="")
    assert check_number(check) == said


def test_the_estimate_of_the_verdict_heads_the_table_of_estimates(gauss: Found) -> None:
    gap = gauss[0].gap
    assert gap is not None
    assert gap.headline is not None
    said = json.dumps(estimates(gauss[0])[0].to_plotly_json(), default=lambda x: x.to_plotly_json())
    assert said.index("The estimate above") < said.index("ALO")
    assert json.dumps(gap.headline.method)[1:-1] in said
