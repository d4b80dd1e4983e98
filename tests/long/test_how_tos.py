"""The how-to's own lines: Python as a script would run it, commands with what they say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import minimascope as ms
from minimascope.cli import main
from tests.cases.script import trained

DOCS = Path(__file__).parents[2] / "docs"
# Its calls are made by several ranks at once: tests/long/training/test_ranks.py.
RANKS = {"several_devices"}
PAGES = [page for page in sorted((DOCS / "howto").glob("*.md")) if page.stem not in RANKS]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# These go on until they are stopped, or need what another machine has.
SERVING = {"serve", "worker", "submit"}


def commands(block: str) -> Iterator[list[str]]:
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "minimascope":
            yield words[1:]


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a script has in hand, and a service's folder of its own."""
    script = trained()
    np.savez(tmp_path / "train.npz", X=script.X.numpy(), y=script.y.numpy())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIMASCOPE_DATA_DIR", str(tmp_path / "data"))
    return {
        "ms": ms,
        "torch": torch,
        "nn": nn,
        "np": np,
        "X": script.X,
        "y": script.y,
        "model": script.model,
        "train_loader": script.loader,
        "criterion": script.criterion,
        "optimizer": script.optimizer,
        "example_inputs": script.X[:2],
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_from_its_first_block_to_its_last(
    page: Path, hand: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ran = 0
    for language, block in BLOCK.findall(page.read_text()):
        if language == "python":
            exec(block, hand)  # our own page
            ran += 1
            continue
        for given in commands(block):
            ran += 1
            if given[0] not in SERVING:  # their options: tests/unit/test_documents.py
                status = main(given)
                said = capsys.readouterr()
                assert status == 0, (given, said.err)
                assert said.out, given
    assert ran > 0
