"""The page's modules: late or lost, Dash's first callbacks wait for them; nothing is global."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import watched
from tests.servers.recorded import BAD, GAUSS, IRIS

LATE_SECONDS = 3.0
OWN = """() => {
  const frame = document.createElement('iframe');
  document.body.append(frame);
  const standard = new Set(Object.getOwnPropertyNames(frame.contentWindow));
  frame.remove();
  return Object.getOwnPropertyNames(window).filter((name) => !standard.has(name));
}"""


@pytest.fixture
def late(browser: Browser, address: str) -> Iterator[Page]:
    """A page whose entry module arrives seconds after Dash has started."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})

    def held(route: Route) -> None:
        time.sleep(LATE_SECONDS)
        route.continue_()

    context.route("**/main.mjs", held)
    yield from watched(context, address)


def test_an_analysis_is_drawn_although_its_modules_came_late(late: Page) -> None:
    begun = time.monotonic()
    late.goto(f"/analyses/{GAUSS}")
    late.wait_for_selector("#spectrum .scatterlayer .trace")
    assert time.monotonic() - begun > LATE_SECONDS
    expect(late.locator("[data-vector='1']")).to_have_attribute("aria-pressed", "true")
    late.keyboard.press("2")
    expect(late.locator("[data-vector='2']")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/jobs/{BAD}", ".job-state"),
        ("/upload", "#drop-train[data-state=idle]"),
        (f"/compare?ids={GAUSS},{IRIS}", "#compare-numbers table"),
    ],
)
def test_other_pages_do_not_mind_late_modules(late: Page, path: str, shown: str) -> None:
    late.goto(path)
    late.wait_for_selector(shown)


def test_modules_leave_no_global_but_what_dash_calls(page: Page) -> None:
    page.goto("/")
    page.wait_for_selector("[data-compare]")
    own = set(page.evaluate(OWN))
    assert "dash_clientside" in own
    assert [name for name in own if "minima" in name.lower() or name == "tus"] == []


def test_every_module_of_a_page_is_of_one_release(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda r: "/assets/browser/" in r.url and asked.append(r.url))
    page.goto(f"/analyses/{GAUSS}")
    page.wait_for_selector("#filmstrip canvas")
    assert len({url.split("/")[5] for url in asked}) == 1
    assert len(asked) == len(set(asked))  # each once, although it was announced before
    old = asked[0].replace(asked[0].split("/")[5], "0" * 16)
    assert httpx.get(old).status_code == 404
