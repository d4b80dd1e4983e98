"""Debian's own Chromium, headless, as every browser test and benchmark starts it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that asks nothing of the network by itself."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        assert path is not None, "the browser tests need Chromium"
        launched = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield launched
        launched.close()
