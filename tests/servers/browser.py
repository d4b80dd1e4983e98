"""Debian's own Chromium, headless, as every browser test and benchmark starts it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

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


def until(
    page: Page, script: str, arg: Any = None, *, seconds: float = 90.0, every: float = 0.05
) -> None:
    """Waits until an expression, or what a function answers, is true.

    Asked from outside: Playwright's own waiting evaluates text inside the page, which the pages'
    security policy forbids.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(script, arg):
        assert time.monotonic() < end, f"never true: {script}"
        page.wait_for_timeout(1000 * every)


def open_part(page: Page, part: str) -> None:
    """Opens a part of the analysis page's details, its group first."""
    button = page.locator(f"#tab-{part}")
    group = button.locator("xpath=ancestor::*[@data-parts]").get_attribute("data-parts")
    page.click(f"#group-{group}")
    button.click()


def hover(page: Page, plot: str, place: Callable[[], tuple[float, float]]) -> None:
    """Moves the mouse to a drawn point until the plot shows its text.

    Once is not enough: a drawing that is still being made again takes the text away, and what
    arrives above it moves it.
    """
    shown = page.locator(f"{plot} .hoverlayer .hovertext").first
    page.locator(f"{plot} .main-svg").first.scroll_into_view_if_needed()
    for _ in range(30):
        across, down = place()
        page.mouse.move(across - 4, down)
        page.mouse.move(across, down)
        page.wait_for_timeout(300)
        if shown.is_visible() and place() == (across, down):
            return
    expect(shown).to_be_visible()


def in_modules(page: Page, script: str, *paths: str, arg: Any = None) -> Any:
    """What a function of this page's own modules (`analysis/state.mjs`) and `arg` answers.

    It gets what all of them export in one object.
    """
    inside = """async ([paths, arg]) => {
      const entry = document.querySelector("script[src$='/boot.js']").src;
      const found = await Promise.all(paths.map((path) => import(new URL(path, entry).href)));
      return (%s)(Object.assign({}, ...found), arg);
    }"""
    return page.evaluate(inside % script, [list(paths), arg])
