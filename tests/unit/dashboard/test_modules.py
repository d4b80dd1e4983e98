"""Modules are served under the digest of all of them, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.serving.modules import ENTRY, Modules, module_routes, read_modules


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page").mkdir()
    for path in (ENTRY, "page/dom.mjs", "types.d.ts", "tus.d.mts", "tus.LICENSE"):
        (tmp_path / path).write_text(f"// {path}")
    return tmp_path


@pytest.fixture
def modules(folder: Path) -> Modules:
    return read_modules(folder)


@pytest.fixture
def client(modules: Modules) -> TestClient:
    app = FastAPI()
    module_routes(app, modules)
    return TestClient(app)


def test_scripts_are_served_and_kept_for_ever(client: TestClient, modules: Modules) -> None:
    assert set(modules.files) == {ENTRY, "page/dom.mjs"}
    answer = client.get(modules.address("page/dom.mjs"))
    assert answer.text == "// page/dom.mjs"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


def test_types_licences_and_files_elsewhere_are_not_found(
    client: TestClient, modules: Modules
) -> None:
    for path in ("types.d.ts", "tus.d.mts", "tus.LICENSE", "../app.py", "%2e%2e/app.py", ""):
        assert client.get(modules.address(path)).status_code == 404, path


def test_another_release_has_another_address_and_the_old_one_is_gone(
    client: TestClient, modules: Modules, folder: Path
) -> None:
    (folder / "page" / "dom.mjs").write_text("// changed")
    later = read_modules(folder)
    assert later.digest != modules.digest
    assert client.get(later.address(ENTRY)).status_code == 404


def test_a_page_names_its_entry_and_preloads_all_else(modules: Modules) -> None:
    assert modules.entry() == f'<script src="{modules.address(ENTRY)}"></script>'
    assert modules.preloads().count("modulepreload") == 1


def test_the_products_own_modules_are_all_of_one_release() -> None:
    own = read_modules()
    assert {ENTRY, "main.mjs", "contract.mjs", "vendor/tus.mjs"} <= set(own.files)
    # Imports are relative: what a module of this digest loads is of this digest.
    for path, content in own.files.items():
        for line in content.decode().splitlines():
            if line.startswith(("import ", "export ")) and " from " in line:
                assert ' from "./' in line or ' from "../' in line, (path, line)
