"""The report's document: what other programs read does not change unnoticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minimascope.contract.report import SCHEMA_VERSION, Report
from minimascope.contract.report.schema_1 import upgraded

HERE = Path(__file__).parent
DEMOS = sorted((HERE.parents[2] / "backend" / "demos").glob("*/report.json"))


def test_the_schema_is_the_one_that_was_promised() -> None:
    """A field that is new is added to the copy; one that goes or changes needs another version."""
    promised = json.loads((HERE / f"report_schema_{SCHEMA_VERSION}.json").read_text())
    assert Report.model_json_schema() == promised


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.parent.name)
def test_a_shipped_report_comes_back_as_it_was(path: Path) -> None:
    shipped = upgraded(json.loads(path.read_text()))
    again = json.loads(Report.model_validate(shipped).model_dump_json(by_alias=True))
    assert agrees(shipped, again) == []


def agrees(old: Any, new: Any, at: str = "report") -> list[str]:
    """Places where they differ; fields that came later may be there, empty."""
    if isinstance(old, dict):
        later = [f"{at}.{name} = {new[name]}" for name in new.keys() - old.keys() if new[name]]
        return later + [line for key in old for line in agrees(old[key], new[key], f"{at}.{key}")]
    if isinstance(old, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (one, two) in pairs for line in agrees(one, two, f"{at}[{i}]")]
    return [] if old == new else [f"{at}: {old} became {new}"]


def test_demos_are_shipped() -> None:
    assert DEMOS
