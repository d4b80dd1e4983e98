"""Reference reports, a served dashboard over a stub of the API, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stub_api import analysis, stub
from tests.cases.reference_report import Found
from tests.servers.browser import chromium
from tests.servers.pages import served

expect.set_options(timeout=20_000)  # a loaded machine draws slowly

FAILED = {
    "code": "workers_lost",
    "sentence": "Three workers were lost while computing the gap.",
    "advice": "Give the worker more memory.",
    "status": 500,
}


@pytest.fixture(scope="session")
def address(gauss: Found, iris: Found) -> Iterator[str]:
    """A dashboard on a free port of the loopback interface."""
    items = [
        analysis("gauss", "Gauss, normal initialisation"),
        analysis("iris", "Iris"),
        analysis("live", "Half-moon", "running", message="Gram matrix"),
        analysis("bad", "Checkerboard", "failed", problem=FAILED),
    ]
    partial = gauss[0].model_copy(update={"gap": None, "boundary": None, "margins": None})
    found = {"gauss": gauss, "iris": iris, "live": (partial, {})}
    app = stub(items, found)
    with served(app) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for every test of this folder."""
    with chromium() as launched:
        yield launched


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
        page.goto("/analyses/gauss?view=walk")
        page.wait_for_selector("#detail .scatterlayer .trace")
        page.wait_for_selector("#gap .scatterlayer .trace")
        yield page


@pytest.fixture
def linked(opened: Page) -> Page:
    """The page in the state its address gives, everything a test before it opened closed."""
    opened.keyboard.press("Escape")
    opened.evaluate(
        "() => { history.pushState({}, '', '/analyses/gauss?view=walk');"
        " dispatchEvent(new PopStateEvent('popstate')); scrollTo(0, 0); }"
    )
    expect(opened.locator("[data-vector='1']")).to_have_attribute("aria-pressed", "true")
    return opened
