"""The documentation site in a browser: search and pages work, and nothing comes from afar."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from backend.http import documents
from backend.http.middleware import RequestBoundary
from tests.browser.axe import violations
from tests.servers.in_thread import app_in_thread

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    known = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=ROOT, env=known, check=True)
    app = FastAPI()
    documents.mount(app, folder)
    app.add_middleware(RequestBoundary)
    with app_in_thread(app) as (_, port):
        yield f"http://127.0.0.1:{port}{documents.PATH}"


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """One that fails where a script is refused, a file is missing, or another host is asked."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda r: None if r.url.startswith(site[:17]) else wrong.append(r.url))
    opened.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status > 399 else None)
    yield opened
    opened.close()
    assert wrong == []


def test_a_word_is_found_and_leads_to_its_page(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    field = page.get_by_placeholder("Search")
    expect(page.locator(".md-search-result__meta")).to_have_text("Type to start searching")
    field.click()
    field.press_sequentially("weight decay")
    results = page.locator(".md-search-result__item")
    expect(results.first).to_be_visible()
    results.first.locator("a").first.click()
    expect(page.locator("article")).to_contain_text("weight decay")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["index", "concepts/belief", "reference/cli", "gap_study"])
def test_anybody_can_read_it(browser: Browser, site: str, path: str, theme: str) -> None:
    opened = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]
    opened.goto(f"{site}/{path}.html")
    assert violations(opened) == []
    opened.close()


def test_a_picture_of_a_study_is_there(page: Page, site: str) -> None:
    page.goto(f"{site}/gap_study.html")
    wide = page.locator("article img").first.evaluate("image => image.naturalWidth")
    assert wide > 100
