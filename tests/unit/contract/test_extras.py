"""What is optional is installed by a command that works as it is written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from minimascope.contract.extras import SERVER, adding

ROOT = Path(__file__).parents[3]
# The one home, and advice on packages that are none of ours.
ALLOWED = {"extras.py", "known.py", "lightning.py"}


@pytest.mark.parametrize(
    ("environment", "pip"), [("/a/clone/.venv", ".venv/bin/pip"), ("/opt/conda", "pip")]
)
def test_an_environment_of_a_clone_is_said_by_its_name(
    environment: str, pip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", environment)
    assert adding("frames") == f"{pip} install 'minimascope[frames]'"


def test_the_application_is_where_the_sentence_says() -> None:
    assert (ROOT / SERVER.rpartition("/clone/")[2] / "pyproject.toml").is_file()


def test_no_other_module_says_how_to_install_and_every_extra_exists() -> None:
    modules = [
        path
        for room in ("minimascope", "backend", "dashboard", "workers")
        for path in (ROOT / room).rglob("*.py")
        if path.name not in ALLOWED
    ]
    said = {path.name: path.read_text() for path in modules}
    assert [name for name, text in said.items() if "pip install" in text] == []
    asked = {found for text in said.values() for found in re.findall(r"adding\('(\w+)'\)", text)}
    project = (ROOT / "pyproject.toml").read_text()
    assert len(asked) > 3
    assert [each for each in asked if f"\n{each} = [" not in project] == []
