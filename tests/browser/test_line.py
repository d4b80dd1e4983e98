"""The line between two minima on the compare page: drawn, in words, in the address, refused."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.test_exports import saved
from tests.servers.browser import in_modules, until
from tests.servers.recorded import ANSWERS, GAUSS, IRIS, TWIN

LINE = json.loads((ANSWERS / "interpolation.json").read_text())["curve"]
COMPARED = "({ about }, id) => about().compared.filter((each) => each.id === id)"
REFUSED = "The two analyses have different training sets"


def test_the_line_is_drawn_between_the_chosen_two_and_exported(page: Page, tmp_path: Path) -> None:
    page.goto(f"/compare?ids={GAUSS},{TWIN}")
    page.locator("#line-panel").scroll_into_view_if_needed()
    page.wait_for_selector("#line .scatterlayer .trace")
    expect(page.locator("#line-words")).to_contain_text("a barrier of 2.476 ± 0.092 nats stands")
    assert f"from={GAUSS}&to={TWIN}" in page.url
    regions = "JSON.stringify(document.querySelector('#line > div').data[0].z)"
    first = page.evaluate(regions)
    page.locator("#line-alpha").fill("3")
    expect(page.locator("#line-readout")).to_contain_text(f"{LINE['alpha'][3]:g}, training loss")
    until(page, f"(before) => {regions} !== before", first)
    film = saved(page, "[data-plot='line'][data-export='film']", tmp_path)
    assert film.read_text().count("<image ") == len(LINE["alpha"])
    page.select_option("#line-to-menu", GAUSS)
    expect(page.locator("#line-panel")).to_contain_text("A line needs two analyses")
    page.select_option("#line-from-menu", TWIN)
    page.wait_for_url(f"**from={TWIN}**")
    ticks = page.locator("#line .xaxislayer-below, #line .xtick text")
    expect(ticks.filter(has_text="0: B").first).to_be_visible()
    assert violations(page) == []
    [kept] = in_modules(page, COMPARED, "export/about.mjs", arg=GAUSS)
    assert {"parameters", "seed", "versions", "checkpoint"} <= set(kept)
    rows = saved(page, "[data-plot='line'][data-export='csv']", tmp_path, menu=".panel-line")
    lines = [row.split(",") for row in rows.read_text().splitlines() if row[:1] != "#"]
    drawn = [[float(cell) for cell in row[1:]] for row in lines if row[0] == "training"]
    split = LINE["train"]
    known = zip(LINE["alpha"], split["loss"], split["loss_standard_error"], strict=True)
    assert drawn == [list(row) for row in known]


def test_no_line_is_drawn_between_minima_of_different_data(page: Page) -> None:
    page.goto(f"/compare?ids={GAUSS},{IRIS}")
    page.locator("#line-panel").scroll_into_view_if_needed()
    expect(page.locator("#line-panel")).to_contain_text(REFUSED)
