"""The documentation site: built without a warning, nothing from elsewhere, served by a policy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import pytest
import yaml
from fastapi import FastAPI

import minimascope
from backend.http import documents
from minimascope.cli.commands import OWN, SERVICE
from minimascope.contract.glossary import TERMS
from minimascope.contract.problem_codes import PROBLEMS

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make docs` builds it: strict, so that a warning is a failure."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Page(HTMLParser):
    """What a page links to and loads, and the places one can link to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in ("script", "img", "source", "iframe") and given.get("src"):
            self.loaded.append(str(given["src"]))
        if tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(str(given["href"]))
        self.places |= {str(given[name]) for name in ("id", "name") if given.get(name)}


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {
        str(path.relative_to(site)): Page(path)
        for path in site.rglob("*.html")
        if path.name != "404.html"  # its addresses are from the root, wherever that is
    }


FROM_CODE = {
    "glossary.html",
    *(f"reference/{name}.html" for name in ("python", "cli", "rest", "report")),
}


def test_every_page_of_the_repository_is_in_the_navigation(pages: dict[str, Page]) -> None:
    written = {
        str(path.relative_to(ROOT / "docs").with_suffix(".html"))
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert set(pages) == written | FROM_CODE


def test_every_link_leads_somewhere(pages: dict[str, Page], site: Path) -> None:
    checked = 0
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(urljoin(name, link))
            if parts.scheme:
                continue
            checked += 1
            assert (site / unquote(parts.path)).is_file(), (name, link)
            target = pages.get(unquote(parts.path))
            if parts.fragment and target:
                assert unquote(parts.fragment) in target.places, (name, link)
    assert checked > 500


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, Page], site: Path) -> None:
    for name, page in pages.items():
        for address in page.loaded:
            parts = urlsplit(urljoin(name, address))
            assert not parts.netloc, (name, address)
            assert parts.scheme == "data" or (site / parts.path).is_file(), (name, address)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import", style.read_text())


def test_the_reference_is_what_there_is(site: Path, pages: dict[str, Page]) -> None:
    """Names of the code, each at its heading; a page that came out empty would have none."""
    text = {name: (site / name).read_text() for name in FROM_CODE}
    for name in (*OWN, *SERVICE):
        assert f"minimascope-{name}" in pages["reference/cli.html"].places
    assert ">--fail-if<" in text["reference/cli.html"]
    for name in set(minimascope.__all__) & {"analyze", "track", "compare", "load", "export"}:
        assert f"ms{name}" in pages["reference/python.html"].places
    assert "<strong>criterion</strong>" in text["reference/python.html"]
    assert "POST /analyses" in text["reference/rest.html"]
    assert {"gap", "spectrum", "margins"} <= pages["reference/report.html"].places
    assert TERMS.keys() <= pages["glossary.html"].places


def test_the_quickstarts_and_every_problem_are_on_it(site: Path) -> None:
    for name in ("browser", "notebook", "shell"):
        assert (site / "quickstart" / f"{name}.html").is_file()
    assert all(code in (site / "problems.html").read_text() for code in PROBLEMS)
    config = (ROOT / "mkdocs.yml").read_text()
    assert yaml.safe_load(config)["strict"] is True


def asked(folder: Path, *paths: str) -> list[httpx.Response]:
    app = FastAPI()
    documents.mount(app, folder)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return [await client.get(f"{documents.PATH}{path}") for path in paths]

    return asyncio.run(ask())


def test_it_is_served_and_its_scripts_alone_may_run(site: Path) -> None:
    first, page, *others = asked(
        site,
        "/",
        "/quickstart/shell.html",
        "/assets/..%2f..%2f..%2fapp.py",
        "//etc/passwd",
        "/%00",
        "/none.html",
        "/quickstart",
    )
    assert "minimascope" in first.text
    for answer in (first, page):
        policy = answer.headers["content-security-policy"]
        scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
        assert scripts
        for script in scripts:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
        assert "unsafe-inline'; script" not in policy
        assert "script-src 'self' 'sha256-" in policy
    assert {answer.status_code for answer in others} == {404}
    [begin] = asked(site, "")
    assert (begin.status_code, begin.headers["location"]) == (307, "/docs/guide/")


def test_without_one_built_nothing_is_served(tmp_path: Path) -> None:
    assert asked(tmp_path, "/")[0].status_code == 404


def test_the_dashboard_knows_its_addresses(site: Path) -> None:
    """What answers 404 for addresses that no page has lets these through."""
    from dashboard.app import mount_dashboard
    from minimascope.client import AsyncClient

    app = FastAPI()
    documents.mount(app, site)
    mount_dashboard(app, AsyncClient("http://server"))

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            paths = ("/quickstart/shell.html", "/none.html", "/images/architecture.svg")
            return [(await client.get(f"{documents.PATH}{path}")).status_code for path in paths]

    assert asyncio.run(ask()) == [200, 404, 200]
