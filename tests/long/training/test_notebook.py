"""The notebooks: their cells run as a kernel runs them, and what is stored of them is what comes.

    python -m tests.long.training.test_notebook    # runs them and stores their outputs anew

What stands last in a cell is shown. A kernel itself would bring two dozen packages along. Figures
are stored as pictures, so that the files stay small; a kernel shows them as Plotly does.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import torch

from minimascope.figures.static import svg

EXAMPLES = Path(__file__).parents[3] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
FIRST = EXAMPLES / "from_your_script.ipynb"


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in notebook["cells"] if each["cell_type"] == "code"]


def ran(code: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last expression, None where it ends in none."""
    body = ast.parse(code)
    last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(body, "cell", "exec"), names)
        value = None
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return printed.getvalue(), value


def html_of(value: Any) -> str:
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_(include=None, exclude=None)
        found = bundle[0] if isinstance(bundle, tuple) else bundle
        return str(found.get("text/html", found))
    return value._repr_html_()


def outputs(printed: str, value: Any, count: int) -> list[dict[str, Any]]:
    """As a notebook stores them."""
    found: list[dict[str, Any]] = []
    if printed:
        text = printed.splitlines(keepends=True)
        found.append({"name": "stdout", "output_type": "stream", "text": text})
    if value is not None:
        data: dict[str, Any] = {"text/plain": [str(value)]}
        if isinstance(value, go.Figure):
            drawn = svg(value, width=640, fields=True, label="a figure")
            data = {"image/svg+xml": [drawn], "text/plain": ["a figure"]}
        elif hasattr(value, "_repr_html_"):
            data["text/html"] = html_of(value).splitlines(keepends=True)
        result = {"output_type": "execute_result", "execution_count": count, "metadata": {}}
        found.append({**result, "data": data})
    return found


def shape(cell: dict[str, Any]) -> list[list[str]]:
    """Kinds of a cell's outputs: numbers may differ in their last digits, these may not."""
    return [sorted(each.get("data", {"stream": 0})) for each in cell["outputs"]]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_stored_of_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        for count, cell in enumerate(code_cells(read(path)), 1):
            now = outputs(*ran("".join(cell["source"]), names), count)
            assert shape(cell) == shape({"outputs": now}), cell["source"]
    assert path.stat().st_size < 400_000
    if path == FIRST:
        _is_a_drawn_report(names["report"])


def _is_a_drawn_report(report: Any) -> None:
    fragment = html_of(report)
    assert fragment.count("<svg") >= 4  # the range bar, and spectrum, gap, boundary
    assert "<script" not in fragment
    assert report.report.gap.headline is not None
    assert "λ₁" in fragment


def test_it_takes_five_lines() -> None:
    cell = code_cells(read(FIRST))[1]
    lines = [line for line in "".join(cell["source"]).splitlines() if line.strip()]
    assert len(lines) == 5


def store(path: Path) -> None:
    notebook, names = read(path), dict[str, Any]()
    for count, cell in enumerate(code_cells(notebook), 1):
        cell["outputs"] = outputs(*ran("".join(cell["source"]), names), count)
        cell["execution_count"] = count
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    print(path.name, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    for each in sys.argv[1:] or NOTEBOOKS:
        store(Path(each))
