"""The page of a run: a real Lightning fit and a real Trainer's training, published as they went."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from minimascope.callbacks import LightningCallback, TrainerCallback
from minimascope.client import Client
from tests.browser.axe import picture, violations
from tests.servers.browser import until
from tests.unit.callbacks.test_huggingface import trained
from tests.unit.callbacks.test_lightning import fitted

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own
FIT, SECOND, TRAINING = "lightning fit", "second fit", "trainer"


@pytest.fixture(scope="module")
def runs(address: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three runs on the server, with reports of six steps each."""
    folder: Path = tmp_path_factory.mktemp("fits")
    for name in (FIT, SECOND):
        told = {"every": 2, "budget": None, "publish": address, "run": name}
        fitted(folder, LightningCallback(**told))
    trained(
        folder, TrainerCallback(every=1, budget=None, examples=16, publish=address, run=TRAINING)
    )
    with Client(address) as client:
        for name in (FIT, TRAINING):
            assert len(client.run(name).points) == 6
    return [FIT, SECOND, TRAINING]


def drawn(page: Page, *plots: str) -> None:
    for plot in plots:
        page.wait_for_selector(f"#{plot} .scatterlayer .trace")


def test_a_fit_is_drawn_over_its_steps_and_its_film_follows_the_slider(
    page: Page, runs: list[str]
) -> None:
    page.goto(f"/runs/{FIT}")
    drawn(page, "run-measures", "film")
    expect(page.locator("h1")).to_have_text(f"Run {FIT}")
    expect(page.locator(".subtitle")).to_contain_text("6 reports of steps 2 to 12, all computed")
    shown = "document.querySelector('#run-measures > div').data"
    lines = page.evaluate(
        f"{shown}.map((t) => [t.meta.role, t.name, Array.from(t.x), Array.from(t.y)])"
    )
    limit = next(line for line in lines if line[0] == "limit")
    assert limit[1] == f"{FIT}: 2(1 + β)/lr"
    assert limit[2] == [2, 4, 6, 8, 10, 12]
    assert limit[3] == pytest.approx([2 * 1.9 / 0.1] * 6)
    assert all(len(line[2]) == 6 for line in lines)
    z = "JSON.stringify(document.querySelector('#film > div').data[0].z)"
    last = page.evaluate(z)
    expect(page.locator("#film-readout")).to_have_text("step 12")
    page.locator("#film-slider").fill("0")
    expect(page.locator("#film-readout")).to_have_text("step 2")
    until(page, f"(before) => {z} !== before", last)
    assert violations(page) == []


def test_two_runs_stand_beside_each_other(page: Page, runs: list[str]) -> None:
    page.goto(f"/runs/{FIT}")
    drawn(page, "run-measures")
    page.click("text=Beside another run")
    page.click(f".run-others >> text={SECOND}")
    page.wait_for_url("**against=second*")
    drawn(page, "run-measures", "film", "film-against")
    expect(page.locator("#film-readout")).to_have_text("step 12 and 12")
    names = page.evaluate("document.querySelector('#run-measures > div').data.map((t) => t.name)")
    assert {FIT, SECOND} <= set(names)
    assert violations(page) == []


def test_a_report_of_it_says_where_it_was_computed(page: Page, runs: list[str]) -> None:
    page.goto(f"/runs/{FIT}")
    page.click(f"text=Every number of {FIT}")
    page.click(".run-numbers tbody tr:last-child a")
    expect(page.locator(".page-analysis")).to_contain_text("Computed elsewhere by minimascope")
    expect(page.locator(".page-analysis")).to_contain_text(f"Step 12 of run {FIT}")


def test_runs_are_listed_and_a_strange_one_is_refused(page: Page, runs: list[str]) -> None:
    page.goto("/runs")
    expect(page.locator("tbody tr")).to_have_count(3)
    assert violations(page) == []
    page.goto("/runs/nothing")
    expect(page.locator("h1")).to_have_text("No such run")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_phones_and_desks_in_both_themes(
    browser: Browser, address: str, runs: list[str], width: int, theme: str
) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(base_url=address, viewport=size, color_scheme=theme)
    page = context.new_page()
    for path, plots in (
        (f"/runs/{FIT}?against={SECOND}", ("run-measures", "film", "film-against")),
        (f"/runs/{TRAINING}", ("run-measures",)),
        ("/runs", ()),
    ):
        page.goto(path)
        page.wait_for_selector("h1")
        drawn(page, *plots)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert violations(page) == [], path
        picture(page, path, width, theme)
    context.close()
