"""Reference reports, the real service over recorded answers, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.browser import open_part
from tests.servers.recorded import GAUSS

expect.set_options(timeout=20_000)  # a loaded machine draws slowly


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that fails its test on any console error and any request elsewhere."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    yield from watched(context, address)


def watched(context: Any, address: str) -> Iterator[Page]:
    """A new page of `context`, with the same watch on it."""
    opened = context.new_page()
    opened.set_default_timeout(90_000)  # a loaded machine draws slowly
    faults: list[str] = []
    opened.on("console", lambda m: m.type == "error" and faults.append(m.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda r: r.url.startswith((address, "data:", "blob:")) or faults.append(r.url),
    )
    yield opened
    context.close()
    assert not faults


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """One analysis page for a whole module: loading it is most of what a test costs."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    for page in watched(context, address):
        page.goto(f"/analyses/{GAUSS}?view=walk")
        page.wait_for_selector("#detail .scatterlayer .trace")
        yield page


@pytest.fixture
def linked(opened: Page) -> Page:
    """The page in the state its address gives, everything a test before it opened closed."""
    opened.keyboard.press("Escape")
    opened.evaluate(
        "(id) => { history.pushState({}, '', '/analyses/' + id + '?view=walk');"
        " dispatchEvent(new PopStateEvent('popstate')); scrollTo(0, 0); }",
        GAUSS,
    )
    expect(opened.locator("[data-vector='1']")).to_have_attribute("aria-pressed", "true")
    return opened


def open_gap(page: Page) -> None:
    """The figure of the gap over λ, which stands in its group."""
    open_part(page, "estimates")
    page.wait_for_selector("#gap .scatterlayer .trace")
