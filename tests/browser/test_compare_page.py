"""The compare page says what it compares, and its address says all of it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.servers.recorded import GAUSS, IRIS


def test_minima_of_different_data_are_told_apart(page: Page) -> None:
    page.goto(f"/compare?ids={GAUSS},{IRIS}")
    expect(page.locator(".compare-said")).to_contain_text("different data")
    expect(page.locator("#scatter")).to_be_hidden()
    assert violations(page) == []


def test_minima_are_moved_left_out_and_added(page: Page) -> None:
    page.goto(f"/compare?ids={GAUSS},{IRIS}")
    names = page.locator(".strip h3 a")
    first = names.first.inner_text()
    page.get_by_role("link", name=f"Move {first} down").click()
    page.wait_for_url(re.compile(f"ids={IRIS}(,|%2C){GAUSS}"))
    expect(names.nth(1)).to_have_text(first)
    page.get_by_role("link", name=f"Leave {first} out").click()
    page.wait_for_url(re.compile(f"ids={IRIS}($|&)"))
    expect(names).to_have_count(1)
    page.locator("summary", has_text="Add a minimum").click()
    page.locator(".menu[open] .menu-item", has_text=first).click()
    page.wait_for_url(re.compile(f"ids={IRIS}(,|%2C){GAUSS}"))


def test_a_comparison_is_named_saved_and_found_again(page: Page) -> None:
    page.goto(f"/compare?ids={GAUSS},{IRIS}")
    page.fill("#comparison-name", "Two of a kind")
    page.click("#comparison-save")
    expect(page.locator("h1")).to_have_text("Two of a kind")
    assert "name=Two+of+a+kind" in page.url
    page.goto("/compare")
    page.get_by_role("link", name="Two of a kind").click()
    expect(page.locator("h1")).to_have_text("Two of a kind")
    page.goto("/compare")
    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_role("link", name="Two of a kind")).to_have_count(0)
