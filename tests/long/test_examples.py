"""Every example runs and says what is stored of it; numbers may differ in their last digits.

python -m tests.long.test_examples    # writes examples/output anew
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
import time
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUT = EXAMPLES / "output"
# The others train and analyse the shipped demos.
RUN = sorted({path.stem for path in EXAMPLES.glob("*.py")} - {"train_demo", "analyze_demo"})
NUMBER = re.compile(r"[−-]?\d[\d,.]*(e[+-]?\d+)?")


def said(name: str, folder: Path) -> str:
    """What it prints, run in this process as a script with a folder of its own."""
    printed, argv = io.StringIO(), sys.argv
    sys.argv = [f"{name}.py", str(folder / f"{name}.html")]
    try:
        with contextlib.redirect_stdout(printed), torch.random.fork_rng(devices=[]):
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    finally:
        sys.argv = argv
    return printed.getvalue()


def rows(text: str) -> list[str]:
    """Names of the rows of a card or a table, without their numbers."""
    names = (NUMBER.sub("#", line[:16]).strip() for line in text.splitlines())
    return [name for name in names if re.fullmatch(r"[\wλ₁_/ #…]+", name)]


@pytest.mark.parametrize("name", RUN)
def test_an_example_says_what_is_stored_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    found = said(name, tmp_path)
    print(f"{name}: {time.perf_counter() - began:.1f} s")  # said, not judged
    stored = (OUTPUT / f"{name}.txt").read_text()
    known = {"loss", "gap", "trained", "soft rank", "λ₁"} & set(rows(stored))
    assert known <= set(rows(found))
    assert len(found.splitlines()) == pytest.approx(len(stored.splitlines()), abs=8)
    assert "unexpected" not in found


def test_the_list_of_examples_is_whole() -> None:
    page = (EXAMPLES / "README.md").read_text()
    there = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh", ".ipynb")}
    assert there == set(re.findall(r"^\| \[([\w.]+)\]", page, re.MULTILINE))
    assert {path.stem for path in OUTPUT.iterdir()} == set(RUN)


def test_twenty_lines_are_twenty() -> None:
    text = (EXAMPLES / "twenty_lines.py").read_text()
    code = [line for line in text.splitlines()[2:] if line and not line.startswith("#")]
    assert len(code) <= 20


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as workdir:
        for each in sys.argv[1:] or RUN:
            (OUTPUT / f"{each}.txt").write_text(said(each, Path(workdir)))
