"""Pages show people their own, behind the sign-in page; hostile names are shown as text."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from backend.database import open_database
from backend.jobs import NewJob
from backend.repository import Repository
from backend.users import new_user
from minimascope.schemas import AnalysisRequest
from tests.acceptance.chromium import CHROMIUM, wait_until_it_answers
from tests.hostile_names import NAMES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    """Two users; the analyses of the first bear the hostile names."""
    tmp_path.joinpath("data").mkdir()
    repository = Repository(open_database(f"sqlite:///{tmp_path / 'data' / 'minimascope.sqlite'}"))
    made = {name: new_user(repository, name, "read") for name in ("ann", "bob")}
    for number, name in enumerate(NAMES):
        job = NewJob("analysis", "c" * 64, {"files": {}}, owner=made["ann"].user.id)
        request = AnalysisRequest(name=name, checkpoint="c" * 64, train="t" * 64)
        repository.add_analysis(request, job, now=time.time() + number)
        repository.cancel(job.id, now=time.time())
    repository.close()
    return {name: user.token for name, user in made.items()}


@pytest.fixture
def served(tokens: dict[str, str], tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "minimascope", "serve", "--port", "0", "--no-worker"]
    environment = {
        **os.environ,
        "MINIMASCOPE_WORKER_TOKEN": "w",
        "MINIMASCOPE_DATA_DIR": str(tmp_path / "data"),
    }
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        address = process.stdout.readline().split()[-1]
        wait_until_it_answers(address)
        yield address
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def shown(browser: Browser, address: str, token: str) -> str:
    """The text of the first page after signing in; no script of a name has run."""
    page = browser.new_page()
    page.goto(address)
    page.get_by_label("Token of this server").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading").first).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")
    text = page.locator("body").inner_text()
    assert page.evaluate("() => window.pwned") is None
    page.close()
    return text


def test_people_see_their_own_and_hostile_names_as_text(
    served: str, tokens: dict[str, str]
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        ann = " ".join(shown(browser, served, tokens["ann"]).split())
        bob = " ".join(shown(browser, served, tokens["bob"]).split())
        browser.close()
    expected = {name: " ".join(name.split()) for name in NAMES}
    assert [name for name, words in expected.items() if words not in ann] == []
    assert "<script>" not in bob
