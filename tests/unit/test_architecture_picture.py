"""The picture of the house shows the rooms that there are."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drawing", ROOT / "docs/draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["drawing"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_room_is_drawn(drawing: ModuleType) -> None:
    application = {"backend", "dashboard", "workers"}
    library = {f"minimascope/{name}" for name in drawing.parts(ROOT / "minimascope")}
    inside = {
        f"{room}/{part}" for room in application | library for part in drawing.parts(ROOT / room)
    }
    assert drawing.drawn() == application | library | inside


def test_the_picture_is_that_of_today(drawing: ModuleType) -> None:
    assert drawing.PICTURE.read_text() == drawing.picture(), "run python docs/draw_architecture.py"
    ET.fromstring(drawing.PICTURE.read_text())


def test_every_place_that_the_page_names_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    named = {word for word in page.split("`")[1::2] if "/" in word and " " not in word}
    places = {word for word in named if "<" not in word}
    assert {place for place in places if not (ROOT / place).exists()} == set()
