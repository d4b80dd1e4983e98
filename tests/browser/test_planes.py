"""Planes chosen on the page: computed by the workers' own code, drawn in place, in the address."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from fastapi import FastAPI, Response
from playwright.sync_api import Browser, Page, expect

from minimascope.analysis.questions.plane import slice_on_demand
from minimascope.analysis.session.opening import Opened
from minimascope.contract.questions.slices import Slice, SliceRequest
from tests.browser.axe import violations
from tests.browser.conftest import watched
from tests.browser.stub_api import analysis, stub
from tests.cases.reference_report import Found
from tests.servers.browser import hover, until
from tests.servers.pages import served


def with_slices(app: FastAPI, opened: Opened, given: dict[str, np.ndarray[Any, Any]]) -> None:
    """Single arrays of `analyses/small`, and its slices, computed while the request waits."""
    vectors = given["eigenvectors"]
    done: dict[str, dict[str, np.ndarray[Any, Any]]] = {}

    @app.get("/api/v1/analyses/small/arrays/{name}")
    def array(name: str) -> Response:
        file = io.BytesIO()
        np.save(file, given[name], allow_pickle=False)
        return Response(file.getvalue(), media_type="application/octet-stream")

    @app.post("/api/v1/analyses/small/slices")
    def ask(request: SliceRequest) -> Slice:
        identifier = request.identifier("small")
        coarse = request.model_copy(update={"resolution": 40})
        done[identifier] = slice_on_demand(opened, torch.from_numpy(vectors), coarse)
        return Slice(id=identifier, analysis="small", request=request, state="done")

    @app.get("/api/v1/analyses/small/slices/{identifier}/arrays.npz")
    def arrays(identifier: str) -> Response:
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **done[identifier])
        return Response(file.getvalue(), media_type="application/zip")


@pytest.fixture(scope="module")
def address(tabular: tuple[Opened, Found]) -> Iterator[str]:
    opened, found = tabular
    app = FastAPI()
    with_slices(app, opened, found[1])
    rest = stub([analysis("small", "Four features")], {"small": found})
    app.router.routes.extend(rest.router.routes)
    app.exception_handlers |= rest.exception_handlers
    with served(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    yield from watched(context, address)


def drawn(page: Page, wanted: str) -> None:
    """Waits until the x axis of the map has this title."""
    title = page.locator("#boundary .xtitle")
    expect(title).to_have_text(re.compile(wanted))


def test_three_rows_give_a_plane_in_place_that_the_address_keeps(page: Page) -> None:
    page.goto("/analyses/small?point=3,20,40")
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
    page.goto("/analyses/small?plane=points:1,2,400")
    note = page.locator("#plane-note")
    expect(note).to_contain_text("There is no training row 400: rows go from 0 to 59.")
    drawn(page, "first principal direction")
    page.select_option("#plane-menu", "")
    expect(note).to_contain_text("first two principal components")


def test_extremes_follow_the_vector_and_name_their_corners(page: Page) -> None:
    page.goto("/analyses/small?vector=2")
    drawn(page, "first principal direction")
    page.select_option("#plane-menu", "extremes")
    drawn(page, "max towards")
    assert "plane=extremes%3A2" in page.url
    expect(page.locator("#boundary .textpoint")).to_have_count(3)


def test_an_embedding_shows_every_point_by_alignment_or_by_class(
    page: Page, tabular: tuple[Opened, Found]
) -> None:
    page.goto("/analyses/small?plane=tsne")
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
    page.goto("/analyses/small?field=gap")
    page.wait_for_selector("#boundary .colorbar")
    shown = """() => document.querySelector('#boundary .js-plotly-plot').data
        .filter((t) => t.type === 'heatmap' && t.visible !== false).map((t) => t.name)"""
    assert page.evaluate(shown) == ["logit gap"]
    page.select_option("#field-menu", "class")
    until(page, f"({shown})()[0] === 'decision regions'")
    assert "field=class" in page.url
