"""300 MB from Chromium, broken off on the way: only the piece in hand is ever sent again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.servers.serve import Served
from tests.servers.served import choose

MEBIBYTE = 1 << 20
SIZE, PIECE = 300 * MEBIBYTE, 8 * MEBIBYTE
GROWTH = 64 * MEBIBYTE  # a few pieces and what the allocator keeps; the file is five times that


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Page and API without a worker, and the process's id: the file only has to arrive."""
    settings = {"WORKER_TOKEN": "w" * 32}
    with Served(tmp_path / "data", settings, ("--no-worker",)) as server:
        yield server.url, server.process.pid


def most_memory(pid: int) -> int:
    """Largest resident size so far, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return 1024 * int(found[1])


def written(path: Path) -> Path:
    """Every mebibyte differs, so that a piece in the wrong place changes the hash."""
    with path.open("wb") as file:
        for place in range(SIZE // MEBIBYTE):
            file.write(place.to_bytes(8, "little") * (MEBIBYTE // 8))
    return path


def offset(request: Request) -> int:
    return int(request.headers.get("upload-offset", -1)) if request.method == "PATCH" else -1


def at(page: Page, place: int) -> Request:
    """Waits until a piece from at least this place on is on its way."""
    with page.expect_request(lambda r: offset(r) >= place, timeout=120_000) as found:
        pass
    return found.value


def test_a_large_upload_goes_on_after_a_reload_and_a_broken_connection(
    browser: Browser, served: tuple[str, int], tmp_path: Path
) -> None:
    address, pid = served
    file = written(tmp_path / "model.safetensors")
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto("/upload")
    page.wait_for_selector("#drop-checkpoint[data-state=idle]")
    before = most_memory(pid)
    pieces: list[int] = []
    page.on("request", lambda r: offset(r) >= 0 and pieces.append(offset(r)))

    choose(page, "checkpoint", file)
    reached = offset(at(page, 5 * PIECE))
    page.reload()
    expect(page.locator("#drop-checkpoint")).to_contain_text("Choose it again to go on.")
    pieces.clear()
    choose(page, "checkpoint", file)
    at(page, 15 * PIECE)
    assert min(pieces) >= reached - PIECE  # what was durable is not sent again

    context.set_offline(True)
    expect(page.locator("#drop-checkpoint")).to_contain_text("The connection broke; trying again")
    context.set_offline(False)
    at(page, 25 * PIECE)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#drop-checkpoint")).to_have_attribute("data-state", "idle")
    choose(page, "checkpoint", file)
    waiting = "Waiting for a worker to check the file"
    expect(page.locator("#drop-checkpoint")).to_contain_text(waiting, timeout=120_000)

    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    stored = httpx.get(f"{address}/api/v1/checkpoints/{sha256}").json()
    assert (stored["size"], stored["name"]) == (SIZE, "model.safetensors")
    # each of the three interruptions may cost the piece on its way, once more while being found out
    assert len(pieces) <= (SIZE - reached) // PIECE + 2 * 3
    assert most_memory(pid) - before < GROWTH
    context.close()
