"""What a page looks like, and what axe-core finds wrong with it, in lines one can act on."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / ".cache" / "axe-4.14.1" / "axe.min.js"
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary}`))"""


PICTURES = Path(__file__).parents[2] / "artifacts" / "screenshots" / "dashboard"


def picture(page: Page, path: str, width: int, theme: str) -> None:
    """Keeps the page as it looks in a folder that git ignores."""
    name = "-".join(re.findall(r"[\w,=]+", path.replace("?", "/"))) or "list"
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{width}-{theme}.png", full_page=True)


def violations(page: Page) -> list[str]:
    """Every violation of axe's rules on the page as it is; `make test` fetches axe."""
    assert SOURCE.exists(), "run tests/install_system.sh, which fetches axe-core"
    page.evaluate(SOURCE.read_text())
    found: list[str] = page.evaluate(RUN)
    return found
