"""Home: the story follows its slider, rows are filtered, sorted, described, pinned and deleted."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.cases.reference_report import Found
from tests.servers.browser import until
from tests.servers.recorded import GAUSS, LIVE, Recorded

SPARE = b"spare".hex().ljust(32, "0")


def arrived(page: Page, address: str = "/") -> None:
    page.goto(address)
    page.wait_for_selector(".list tbody tr:not([hidden])")
    until(page, "document.querySelector('.story-map canvas') !== null")


def test_boundary_curve_and_sentence_follow_the_slider(page: Page) -> None:
    arrived(page)
    said, image = page.locator("#story-said"), "document.querySelector('.story-map canvas')"
    expect(said).to_contain_text("A generalizes.")
    before = page.evaluate(f"{image}.toDataURL()")
    page.focus("#story-slider")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("A wall stands between them.")
    assert page.evaluate(f"{image}.toDataURL()") != before
    page.keyboard.press("End")
    expect(said).to_contain_text("B does not.")
    assert violations(page) == []


def test_a_finished_row_has_a_thumbnail(page: Page) -> None:
    arrived(page)
    until(page, f"document.querySelector('[data-thumb=\"{GAUSS}\"] canvas')?.width > 40")


def test_a_filter_is_in_the_address_and_says_when_nothing_matches(page: Page) -> None:
    arrived(page, "/?q=gauss")
    expect(page.locator("#filter")).to_have_value("gauss")
    shown = page.locator(".list tbody tr:visible")
    expect(shown).not_to_have_count(page.locator(".list tbody tr").count())
    said = shown.evaluate_all("(all) => all.map((r) => r.dataset.row)")
    assert said
    assert all("gauss" in each for each in said)
    page.fill("#filter", "zzzz")
    expect(page.locator("#nothing-found")).to_contain_text("Nothing matches “zzzz”")
    expect(page).to_have_url(re.compile("q=zzzz"))


def test_rows_without_the_value_come_last_whichever_way_it_is_sorted(page: Page) -> None:
    arrived(page)
    last = page.locator(".list tbody tr").last
    for order in ("ascending", "descending"):
        page.click("[data-sort=lambda]")
        expect(page.locator(".head-lambda")).to_have_attribute("aria-sort", order)
        assert last.get_attribute("data-by-lambda") is None
    expect(page).to_have_url(re.compile(r"sort=lambda(%3A|:)down"))


def test_a_minimum_is_described_pinned_and_deleted(
    page: Page, recorded: Recorded, gauss: Found
) -> None:
    recorded.done(SPARE, "Spare", gauss)
    arrived(page)
    row = page.locator(".list tbody tr", has=page.locator(f"[data-compare='{SPARE}']"))
    row.locator("summary").click()
    row.get_by_role("button", name="Rename, tag, note").click()
    page.fill("#describe-name", "Renamed")
    page.fill("#describe-tags", "best, seed 1")
    page.fill("#describe-project", "sweep")
    page.fill("#describe-notes", "look again")
    assert violations(page) == []
    page.click("#describe-save")
    expect(row.locator(".cell-name a")).to_have_text("Renamed")
    expect(row.locator(".tag")).to_have_text(["sweep", "best", "seed 1"])
    page.fill("#filter", "#best")
    expect(page.locator(".list tbody tr:visible")).to_have_count(1)
    page.fill("#filter", "")
    row.locator("summary").click()
    row.get_by_role("button", name="Pin", exact=True).click()
    expect(page.locator(".list tbody tr").first.locator(".cell-name a")).to_have_text("Renamed")
    page.on("dialog", lambda dialog: dialog.accept())
    row.locator("summary").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_the_palette_opens_what_is_typed(page: Page) -> None:
    arrived(page)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-field")).to_be_focused()
    page.keyboard.type("gauss")
    expect(page.locator("[data-palette='0']")).to_contain_text("Gauss")
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/analyses/{GAUSS}*")
    page.wait_for_selector("h1")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/compare")


def test_every_term_is_on_the_docs_page(page: Page) -> None:
    page.goto("/docs#soft_rank")
    expect(page.locator("dt#soft_rank")).to_be_visible()
    assert violations(page) == []


def test_a_jobs_log_survives_a_reload(page: Page) -> None:
    page.goto(f"/jobs/{LIVE}")
    first = page.locator("#job-log p").first
    said = first.inner_text()
    page.reload()
    expect(first).to_have_text(said)
    expect(page.locator("#job-log p", has_text=said)).to_have_count(1)
