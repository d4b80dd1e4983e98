"""Planes chosen on the page: computed by the workers' own code, drawn in place, in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from minimascope.analysis.session.opening import Files
from minimascope.contract.questions.slices import SliceRequest
from tests.browser.axe import violations
from tests.cases.analyses import FOUR_FEATURES
from tests.cases.reference_report import Found
from tests.servers.browser import hover, until
from tests.servers.recorded import SMALL, Recorded


@pytest.fixture(scope="module", autouse=True)
def small(recorded: Recorded, tabular: tuple[Files, Found]) -> None:
    """The analysis of four features, with its own files: planes are computed from them."""
    files, found = tabular
    asked = FOUR_FEATURES.model_dump()
    recorded.done(
        SMALL, "Four features", found, checkpoint=files.checkpoint, train=files.train, **asked
    )
    with recorded.served.client() as client:  # the worker's first plane loads torch
        client.slice(SMALL, SliceRequest(plane="points", points=(0, 1, 2), resolution=2))


def drawn(page: Page, wanted: str) -> None:
    """Waits until the x axis of the map has this title."""
    title = page.locator("#boundary .xtitle")
    expect(title).to_have_text(re.compile(wanted))


def test_three_rows_give_a_plane_in_place_that_the_address_keeps(page: Page) -> None:
    page.goto(f"/analyses/{SMALL}?point=3,20,40")
    drawn(page, "first principal direction")
    page.select_option("#plane-menu", "points")
    drawn(page, "from point 3 towards 20")
    assert "plane=points%3A3%2C20%2C40" in page.url
    expect(page.locator("#plane-note")).to_contain_text("training points 3, 20 and 40")
    assert violations(page) == []
    page.reload()
    drawn(page, "from point 3 towards 20")
    page.fill("#plane-rows", "1 2 5")
    page.press("#plane-rows", "Enter")
    drawn(page, "from point 1 towards 2")
    page.go_back()
    drawn(page, "from point 3 towards 20")


def test_a_plane_that_does_not_exist_is_one_sentence_and_the_map_stays(page: Page) -> None:
    page.goto(f"/analyses/{SMALL}?plane=points:1,2,400")
    note = page.locator("#plane-note")
    expect(note).to_contain_text("There is no training row 400: rows go from 0 to 59.")
    drawn(page, "first principal direction")
    page.select_option("#plane-menu", "")
    expect(note).to_contain_text("first two principal components")


def test_extremes_follow_the_vector_and_name_their_corners(page: Page) -> None:
    page.goto(f"/analyses/{SMALL}?vector=2")
    drawn(page, "first principal direction")
    page.select_option("#plane-menu", "extremes")
    drawn(page, "max towards")
    assert "plane=extremes%3A2" in page.url
    expect(page.locator("#boundary .textpoint")).to_have_count(3)


def test_an_embedding_shows_every_point_by_alignment_or_by_class(
    page: Page, tabular: tuple[Files, Found]
) -> None:
    page.goto(f"/analyses/{SMALL}?plane=tsne")
    drawn(page, "t-SNE 1")
    assert page.locator("#boundary .scatterlayer .point").count() == 60
    page.select_option("#colour-menu", "class")
    until(page, "document.querySelectorAll('#boundary .colorbar').length === 0")
    assert "colour=class" in page.url

    def first_point() -> tuple[float, float]:
        box = page.locator("#boundary .scatterlayer .point").first.bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    hover(page, "#boundary", first_point)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#point-readout")).to_contain_text(re.compile(r"Point \d+"))


def test_the_map_shows_classes_or_the_logit_gap_instead(page: Page) -> None:
    page.goto(f"/analyses/{SMALL}?field=gap")
    page.wait_for_selector("#boundary .colorbar")
    shown = """() => document.querySelector('#boundary .js-plotly-plot').data
        .filter((t) => t.type === 'heatmap' && t.visible !== false).map((t) => t.name)"""
    assert page.evaluate(shown) == ["logit gap"]
    page.select_option("#field-menu", "class")
    until(page, f"({shown})()[0] === 'decision regions'")
    assert "field=class" in page.url
