"""Classes named by their data: on figures, in tables; a name is never markup."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.cases.reference_report import Found
from tests.servers.browser import open_part
from tests.servers.recorded import LETTERS, Recorded

NAMES = ["<b>A</b>", "B %{x}", "cat " * 20]


@pytest.fixture(scope="module")
def lettered(recorded: Recorded, gauss: Found) -> Found:
    report = gauss[0].model_copy(deep=True)
    report.data.class_names = NAMES
    recorded.done(LETTERS, "Letters", (report, gauss[1]))
    return report, gauss[1]


def test_the_page_says_names_where_it_said_numbers(lettered: Found, page: Page) -> None:
    page.goto(f"/analyses/{LETTERS}?view=margins&point=0")
    label = NAMES[int(lettered[1]["labels"][0])]
    row = page.locator("#point-readout tbody tr")
    expect(row.locator("td").first).to_have_text(label)
    table = page.locator(".side-margins table").first
    expect(table).to_contain_text(NAMES[0])
    open_part(page, "data")
    expect(page.locator(".side-data p").first).to_contain_text(f"({NAMES[0]}, ")
