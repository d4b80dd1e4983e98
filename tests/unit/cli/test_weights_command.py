"""`minimascope weights`: a table for people, the report for programs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from minimascope.cli import main
from minimascope.contract.weights import WeightReport


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    torch.manual_seed(0)
    before = nn.Linear(60, 40).state_dict()
    after = {**before, "weight": before["weight"] + torch.randn(40, 3) @ torch.randn(3, 60)}
    torch.save(before, tmp_path / "before.pt")
    torch.save(after, tmp_path / "after.pt")
    return str(tmp_path / "before.pt"), str(tmp_path / "after.pt")


def test_a_table_and_what_was_found(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files
    assert main(["weights", after, "--against", before]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("weight "))
    assert row.split()[-1] == "3"
    assert "Changed in low rank (what a merged LoRA adapter leaves): weight 3." in out
    assert main(["weights", before]) == 0
    assert "Not trained, as it looks: weight" in capsys.readouterr().out


def test_the_report_as_json(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", files[0], "--json"]) == 0
    report = WeightReport.model_validate_json(capsys.readouterr().out)
    assert report.rows[0].random_matrix is not None
    assert report.parameters == 60 * 40 + 40
