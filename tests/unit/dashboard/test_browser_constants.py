"""What the browser's modules know of the contract is what Python says now."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.browser_constants import TARGET, written
from dashboard.components import ids
from dashboard.components.clientside import CALLBACKS

BROWSER = TARGET.parent
SOURCES = [path for path in BROWSER.rglob("*.mjs") if path.parent.name != "vendor"]


def test_the_generated_module_is_up_to_date() -> None:
    assert TARGET.read_text() == written(), "run python -m dashboard.browser_constants"


def test_every_constant_is_used() -> None:
    names = re.findall(r"^export const (\w+)", written(), flags=re.MULTILINE)
    others = "".join(path.read_text() for path in SOURCES if path != TARGET)
    assert [name for name in names if not re.search(rf"\b{name}\b", others)] == []


def test_every_id_and_role_that_modules_name_exists() -> None:
    # tsc says so too, where node is there
    known = set(ids.named())
    for path in SOURCES:
        assert set(re.findall(r"\bID\.(\w+)", path.read_text())) <= known, path


def test_no_module_finds_a_trace_by_its_words() -> None:
    by_words = re.compile(r"\.name\s*===|\.test\([^)]*\.name|\.name\.(match|startsWith|includes)")
    for path in SOURCES:
        assert not by_words.search(path.read_text()), path


def test_pages_call_only_what_modules_answer() -> None:
    pages = Path(BROWSER.parent / "pages").rglob("*.py")
    called = set(re.findall(r'in_browser\("(\w+)"\)', "".join(p.read_text() for p in pages)))
    assert called == set(CALLBACKS)


def test_what_others_wrote_has_its_licence_and_version() -> None:
    vendored = list((BROWSER / "vendor").glob("*.mjs"))
    assert {path.name for path in vendored} == {"fflate.mjs", "tus.mjs"}
    for path in vendored:
        assert re.match(r"// [\w-]+ \d+\.\d+\.\d+, MIT: ", path.read_text())
        assert "Permission is hereby granted" in path.with_suffix(".LICENSE").read_text()
