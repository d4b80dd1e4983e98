"""axe-core in a page: what it finds wrong, in lines a person can act on."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / ".cache" / "axe-4.14.1" / "axe.min.js"
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary}`))"""


def violations(page: Page) -> list[str]:
    """Every violation of axe's rules on the page as it is; `make test` fetches axe."""
    assert SOURCE.exists(), "run tests/install_system.sh, which fetches axe-core"
    page.evaluate(SOURCE.read_text())
    found: list[str] = page.evaluate(RUN)
    return found
