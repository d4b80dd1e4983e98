"""The quickstarts' own lines: Python as a notebook would run it, commands as a shell would."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from minimascope.cli import main
from tests.cases.script import trained

DOCS = Path(__file__).parents[2] / "docs"
NEEDS_A_SERVER = {"submit", "wait", "report", "compare"}


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def hand() -> dict[str, Any]:
    script = trained()
    return {
        "model": script.model,
        "train_loader": script.loader,
        "test_loader": DataLoader(TensorDataset(*script.test), 8),
        "criterion": script.criterion,
        "optimizer": script.optimizer,
        "example_inputs": script.X[:2],
    }


def test_the_notebook_page_runs_from_cell_to_cell(
    hand: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = blocks("quickstart/notebook.md", "python")
    assert len(cells) == 3
    for cell in cells:
        exec(cell, hand)  # our own page
    assert hand["report"].failures == []
    assert (tmp_path / "run.npz").is_file()


def test_the_browser_page_exports_what_it_says(
    hand: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [cell] = blocks("quickstart/browser.md", "python")
    exec(cell, hand)  # our own page
    assert (tmp_path / "model.pt2").is_file()


@pytest.mark.parametrize("page", ["quickstart/shell.md", "ci_gate.md"])
def test_commands_do_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = trained()
    torch.save(script.model.state_dict(), "model.pt")
    np.savez("train.npz", X=script.X.numpy(), y=script.y.numpy())
    Path("arch.json").write_text('{"family": "mlp", "activation": "tanh"}')
    lines = [
        line
        for block in blocks(page, "")
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip()
    ]
    assert lines
    for line in lines:
        program, command, *arguments = shlex.split(line, comments=True)
        assert program == "minimascope"
        assert command not in NEEDS_A_SERVER
        status = main([command, *arguments])
        out, err = capsys.readouterr()
        if "--fail-if" in line:  # what the gate says is up to the network
            assert status == int("--fail-if" in err), (line, err)
        else:
            assert status == 0, (line, err)
        assert out
