"""Pictures of the documents are what their scripts draw, and a page's counts those of a study."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs.drawing import evidence, flatness, hessian_boundary

DOCS = Path(__file__).parents[2] / "docs"
IMAGES = sorted((DOCS / "images").rglob("*.svg"))
# These draw what is stored, digit by digit; the others compute, and last digits are a machine's.
STORED = {
    "papers/flatness": flatness.picture,
    "papers/hessian_boundary": hessian_boundary.picture,
    **{f"evidence/{name}": drawn for name, drawn in evidence.PICTURES.items()},
}


@pytest.mark.parametrize("name", STORED)
def test_a_picture_of_results_is_that_of_today(name: str) -> None:
    kept = (DOCS / "images" / f"{name}.svg").read_text()
    assert kept == STORED[name](), "run python -m docs.drawing"


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_a_picture_is_whole_said_in_words_and_on_a_page(path: Path) -> None:
    root = ET.fromstring(path.read_text())
    drawn_before = path.stem in ("architecture", "boundary_complexity")
    assert drawn_before or len(root.get("aria-label") or "") > 40
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    name = path.relative_to(DOCS / "images").as_posix()
    assert any(f"images/{name})" in page.read_text() for page in pages)


def test_the_table_of_calibration_is_what_is_counted() -> None:
    page = (DOCS / "papers" / "flatness.md").read_text()
    rows = [line.replace("*", "") for line in page.splitlines() if re.match(r"\| .* \| \d", line)]
    told = [[float(cell) for cell in row.split("|")[2:-1]] for row in rows]
    found = [
        [each["networks"], *each["soft_rank"], *each["tic"], *each["alo"]]
        for each in flatness.counted()
        if each["networks"]
    ]
    assert len(told) == len(found) > 6
    for row, counted in zip(told, found, strict=True):
        assert all(math.isclose(a, b) for a, b in zip(row, counted, strict=True)), row
