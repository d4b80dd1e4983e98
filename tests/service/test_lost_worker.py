"""A worker killed under an open job page: told of in seconds, tried again, given up in words."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from minimascope.contract.schemas import AnalysisRequest
from tests.servers.places import CHILD
from tests.servers.serve import Served

LEASE = 4
SOON = 10_000  # milliseconds; the page owes its first word within these
RESTART = 60_000  # a worker that comes back on a loaded machine


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """`serve` with the small child of the worker tests, which sleeps as long as it is told."""
    settings = {"DEMO_DIR": str(tmp_path / "none"), "LEASE_SECONDS": str(LEASE)}
    with Served(tmp_path / "data", settings, (f"--child={CHILD}",)) as server:
        yield server


def test_a_killed_worker_is_told_of_and_three_of_them_end_the_job(
    served: Served, browser: Browser
) -> None:
    with served.client() as client:
        checkpoint = client.store("checkpoint", io.BytesIO(b"sleep 300"), name="w.pt").id
        train = client.store("dataset", io.BytesIO(b"data"), name="train.npz").id
        identifier = client.submit(AnalysisRequest(checkpoint=checkpoint, train=train)).id
    context = browser.new_context(base_url=served.url)
    page = context.new_page()
    page.goto(f"/jobs/{identifier}")
    said = page.locator("#job-live [role=alert]")
    for attempt in (1, 2, 3):
        if attempt > 1:
            told = f"Attempt {attempt} of 3: an earlier worker was lost."
            expect(said).to_contain_text(told, timeout=RESTART)
        expect(page.locator(".stage-running")).to_have_count(1, timeout=RESTART)
        os.kill(served.worker("analyses"), signal.SIGKILL)
        gone = re.compile("no word from the worker|The worker was lost")
        expect(said).to_contain_text(gone, timeout=SOON)
    expect(page.locator(".job-state")).to_have_text("Failed", timeout=RESTART)
    expect(said).to_contain_text("The worker was lost 3 times while working on this.")
    expect(said).to_contain_text("It stopped in the stage “Top eigenpairs of the Hessian”.")
    expect(said).to_contain_text("use a machine with more")
    expect(page.locator("#job-retry")).to_be_visible()
    context.close()
