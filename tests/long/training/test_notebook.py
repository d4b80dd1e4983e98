"""A new user's notebook: from model, loader, criterion, optimiser to the drawn report.

Its cells run here as a kernel runs them, one after another in one namespace, and what stands last
in a cell is shown in every form that it has. A kernel itself would bring two dozen packages along.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[3] / "examples" / "from_your_script.ipynb"


def cells() -> list[str]:
    held = json.loads(NOTEBOOK.read_text())
    return ["".join(each["source"]) for each in held["cells"] if each["cell_type"] == "code"]


def shown(code: str, names: dict[str, Any]) -> Any:
    """Runs a cell; the value of its last expression, None where it ends in none."""
    body = ast.parse(code)
    last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
    exec(compile(body, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def html_of(value: Any) -> str:
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_(include=None, exclude=None)
        found = bundle[0] if isinstance(bundle, tuple) else bundle
        return str(found.get("text/html", found))
    return value._repr_html_()


@pytest.mark.timeout(600)
def test_the_notebook_ends_in_a_drawn_report(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    values = [value for code in cells() if (value := shown(code, names)) is not None]
    report = values[0]
    fragment = html_of(report)
    (tmp_path / "report.html").write_text(fragment)
    assert fragment.count("<svg") >= 4  # the range bar, and spectrum, gap, boundary
    assert "<script" not in fragment
    assert report.report.gap.headline is not None
    assert "λ₁" in fragment
    assert all(html_of(each) for each in values[1:])
    assert len(values) == 4


def test_it_takes_five_lines() -> None:
    lines = [line for line in cells()[1].splitlines() if line.strip()]
    assert len(lines) == 5
