"""The served product and a real Chromium that watches what its pages do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.places import ROOT
from tests.servers.serve import Served

DEMO = ROOT / "backend" / "demos" / "weight-decay"
DROP = """([selector, name, bytes]) => {
  const data = new DataTransfer();
  const content = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  data.items.add(new File([content], name));
  const zone = document.querySelector(selector);
  const event = { dataTransfer: data, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(kind, event));
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`minimascope serve` as users start it, on a port of its own choosing."""
    with Served(tmp_path_factory.mktemp("served")) as server:
        yield server.url


class Watched:
    """A page with every console error and every request beyond the server kept."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.errors, self.elsewhere = page, list[str](), list[str]()
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        own = (address, "data:", "blob:")
        page.on("request", lambda r: r.url.startswith(own) or self.elsewhere.append(r.url))


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    seen = Watched(context.new_page(), address)
    yield seen
    context.close()
    assert not seen.elsewhere


def drop(page: Page, zone: str, file: Path) -> None:
    """A drop event with the file, as a file manager makes it."""
    page.wait_for_selector(f"#drop-{zone}")
    bytes_ = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(DROP, [f"#drop-{zone}", file.name, bytes_])


def choose(page: Page, zone: str, file: Path) -> None:
    """The file dialog instead of a drop."""
    with page.expect_file_chooser() as chooser:
        page.click(f"#drop-{zone}")
    chooser.value.set_files(file)


def accepted(page: Page, zone: str, file: Path) -> None:
    expect(page.locator(f"#drop-{zone}")).to_have_attribute("data-state", "done", timeout=60_000)
    expect(page.locator(f"#drop-{zone} .drop-name")).to_have_text(file.name)
