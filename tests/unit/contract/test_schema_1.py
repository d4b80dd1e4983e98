"""Reports that earlier versions stored: readable, and their verdicts quoted but not believed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from backend.analyses.results import of_today
from dashboard.pages.analysis.answer import answer
from minimascope.cli import findings
from minimascope.contract.report import Report
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.contract.report.schema_1 import SAID, upgraded

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "cases" / "reports" / "schema_1.json").read_text()
)


def stored(verdict: str, *, headline: bool) -> Report:
    document = copy.deepcopy(STORED)
    document["gap"]["verdict"] = verdict
    if not headline:
        document["gap"]["headline"] = None
    return Report.model_validate_json(json.dumps(document))


@pytest.mark.parametrize("old", SAID)
@pytest.mark.parametrize("headline", [True, False])
def test_no_old_verdict_and_no_old_headline_is_believed(old: str, headline: bool) -> None:
    report = stored(old, headline=headline)
    assert report.schema_version == "2"
    assert report.gap is not None
    assert report.gap.verdict == "no_estimate"
    assert report.gap.headline is None
    assert "earlier version" in report.gap.reason
    if headline:
        assert "0.0976 nats" in report.gap.reason
        assert f"“{SAID[old]}”" in report.gap.reason
    assert report.minimum is not None
    assert report.minimum.converged is None


def test_every_other_number_is_as_it_was() -> None:
    report = json.loads(stored("uncertain", headline=True).model_dump_json(by_alias=True))
    assert report["gap"]["estimates"] == STORED["gap"]["estimates"]
    assert report["gap"]["curves"] == STORED["gap"]["curves"]
    assert report["gap"]["measured"] == STORED["gap"]["measured"]
    assert report["spectrum"]["eigenvalues"] == STORED["spectrum"]["eigenvalues"]
    old, new = STORED["margins"]["certified"], report["margins"]["l2"]
    assert new["smallest"] == {"lower": None, "upper": old["min"]}
    assert new["median"]["upper"] == old["median"]


def test_a_reportof_today_is_left_as_it_is() -> None:
    today = {"schema_version": "2", "gap": {"verdict": "reliable"}}
    assert upgraded(today) is today
    assert upgraded({"seed": 0}) == {"seed": 0}


def test_the_service_serves_it_in_the_schemaof_today() -> None:
    served = json.loads(of_today(json.dumps(STORED).encode()))
    assert served["schema_version"] == "2"
    today = json.dumps(served).encode()
    assert of_today(today) is today


def test_page_list_and_command_line_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    report = stored("reliable", headline=True)
    said = str(answer(report, again="/upload"))
    assert "No estimate" in said
    assert "earlier version" in said
    findings.show(report)
    assert "No estimate: An earlier version estimated 0.0976 nats" in capsys.readouterr().out
    numbers = key_numbers(report)
    assert "gap_estimate" not in numbers
    assert "gap_ninety" not in numbers
    assert numbers["gap_measured"] == pytest.approx(0.0698, abs=1e-4)
