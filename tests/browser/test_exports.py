"""Exports: each opens in what it is for, and says which analysis it came from."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from minimascope.contract.glossary import TERMS
from tests.browser.conftest import open_gap
from tests.cases.reference_report import Found
from tests.servers.recorded import GAUSS

SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Page, selector: str, folder: Path, *, menu: str = "") -> Path:
    """Clicks an export and returns the file the browser saved."""
    if menu:
        page.locator(f"{menu} .menu summary").first.click()
    with page.expect_download(timeout=60_000) as download:
        page.click(selector)
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


@pytest.mark.parametrize("inches", ["3.39", "6.9"])
def test_svg_has_the_width_of_the_column_and_its_origin(
    linked: Page, tmp_path: Path, inches: str
) -> None:
    button = f"[data-plot='boundary'][data-export='svg'][data-inches='{inches}']"
    root = ET.parse(saved(linked, button, tmp_path, menu=".panel-boundary")).getroot()
    # a whole number of CSS pixels, 1/96 in each
    assert float(root.attrib["width"].removesuffix("in")) == pytest.approx(float(inches), abs=6e-3)
    about = json.loads(root.find(f"{SVG}metadata").text or "")  # type: ignore[union-attr]
    assert about["id"] == GAUSS
    assert {"parameters", "seed", "versions", "address"} <= set(about)


def chunks(png: bytes) -> dict[str, bytes]:
    """The chunks of a PNG by type, their checksums left to the reader."""
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found[png[at + 4 : at + 8].decode()] = png[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def test_png_has_300_dots_an_inch_and_its_origin(linked: Page, tmp_path: Path) -> None:
    open_gap(linked)
    button = "[data-plot='gap'][data-export='png'][data-inches='3.39']"
    found = chunks(saved(linked, button, tmp_path, menu=".panel-gap").read_bytes())
    width = struct.unpack(">I", found["IHDR"][:4])[0]
    # 325 CSS pixels at 300/96 dots each, rounded
    assert abs(width - 3.39 * 300) <= 2
    assert struct.unpack(">I", found["pHYs"][:4])[0] == round(300 / 0.0254)
    assert json.loads(found["iTXt"].split(b"\0", 5)[-1])["id"] == GAUSS


def test_json_holds_exactly_what_is_drawn(linked: Page, gauss: Found, tmp_path: Path) -> None:
    open_gap(linked)
    button = "[data-plot='gap'][data-export='json']"
    found = json.loads(saved(linked, button, tmp_path, menu=".panel-gap").read_text())
    assert gauss[0].gap is not None
    curve = [row[2] for row in found["rows"] if row[0] == "ALO"]
    assert curve == gauss[0].gap.curves.alo_ggn
    assert found["about"]["seed"] == gauss[0].seed


def test_the_zip_holds_report_arrays_figures_and_data(
    linked: Page, gauss: Found, tmp_path: Path
) -> None:
    archive = zipfile.ZipFile(saved(linked, "[data-whole='zip']", tmp_path, menu=".page-head"))
    assert archive.testzip() is None
    assert json.loads(archive.read("report.json")) == json.loads(gauss[0].model_dump_json())
    arrays = np.load(io.BytesIO(archive.read("arrays.npz")))
    assert np.array_equal(arrays["alignment"], gauss[1]["alignment"])
    names = set(archive.namelist())
    assert {"report.html", "about.json", "figures/boundary.svg", "data/gap.csv"} <= names
    for name in names:
        if name.endswith(".svg"):
            ET.fromstring(archive.read(name))


def test_the_html_report_opens_without_a_server(
    linked: Page, browser: Browser, tmp_path: Path
) -> None:
    file = saved(linked, "[data-whole='html']", tmp_path, menu=".page-head")
    context = browser.new_context(offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: m.type == "error" and faults.append(m.text))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or faults.append(r.url))
    page.goto(file.as_uri())
    assert page.locator("h1").inner_text() == "Gauss, normal initialisation"
    assert page.locator("section svg").count() >= 8
    assert page.locator("nav a").count() >= 9
    assert TERMS["soft_rank"].sentence in page.locator("#terms").inner_text()
    assert page.locator(".expected").inner_text()
    assert "λ" in page.locator(".kpis").inner_text()
    context.close()
    assert not faults
