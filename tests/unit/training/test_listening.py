"""Who waits sees how far it is: below a notebook's cell too, where nothing of it stays."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from minimascope.training import listening
from minimascope.training.listening import Listening

Shown = list[str]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What stands below the cell, change by change."""
    seen: Shown = []

    class ZMQInteractiveShell: ...

    def display(data: dict[str, str], **_: Any) -> Any:
        seen.append(data["text/plain"])
        return SimpleNamespace(update=display)

    shell = SimpleNamespace(
        get_ipython=ZMQInteractiveShell, display=SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setattr(listening, "EVERY_SECONDS", 0.0)
    return seen


def test_a_notebook_shows_a_line_that_is_gone_at_the_end(notebook: Shown) -> None:
    with Listening(None) as heard:
        heard.progress("spectrum", 0.25, "Planning")
        heard.progress("gap", 0.5, "")
    assert notebook == [" 25% Planning", " 50% gap", ""]


@pytest.mark.parametrize("asked", [False, lambda fraction, sentence: None])
def test_a_notebook_shows_none_where_none_is_asked_for(notebook: Shown, asked: Any) -> None:
    with Listening(asked) as heard:
        heard.progress("spectrum", 0.25, "Planning")
    assert notebook == []
