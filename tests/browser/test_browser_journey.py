"""From a dropped checkpoint to its plots in real Chromium, over a served API and a real worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import load_file, save_file

from tests.cases.language_models import folder_of, tokens
from tests.servers.browser import in_modules, open_part, until
from tests.servers.places import ROOT
from tests.servers.served import (
    DEMO,
    Watched,
    accepted,
    address,
    choose,
    drop,
    watched,
)

__all__ = ["address", "watched"]
ARTIFACTS = ROOT / "artifacts" / "screenshots"
ANALYSIS_SECONDS = 200  # 14 s alone on two cores; CI runs other tests beside it


def describe(page: Page, *, name: str) -> None:
    """Architecture and settings of the demo minimum, with few eigenpairs."""
    page.get_by_text("tanh", exact=True).click()
    page.fill("#up-name", name)
    page.fill("#up-weight-decay", "3e-3")
    page.click("#up-advanced summary")
    page.fill("#up-top-k", "3")


def shown(page: Page, label: str) -> float:
    """The number in the strip's cell with this label."""
    cell = page.locator(".kpi", has=page.get_by_text(label))
    return float(cell.locator(".kpi-value").inner_text().replace("−", "-").strip("≤ \u202f"))


def drawn(page: Page, plot: str, name: str) -> dict[str, Any]:
    """x, y and record of a drawn trace, as Plotly holds them."""
    script = """({ decode }, [plot, name]) => {
      const graph = document.querySelector(`#${plot} .js-plotly-plot`);
      const trace = graph.data.find((t) => t.name === name);
      return { x: decode(trace.x), y: decode(trace.y), record: decode(trace.customdata) };
    }"""
    found: dict[str, Any] = in_modules(page, script, "figures/arrays.mjs", arg=[plot, name])
    return found


def test_a_dropped_checkpoint_becomes_plots_with_the_reports_numbers(
    watched: Watched, address: str
) -> None:
    page = watched.page
    page.goto("/upload")
    drop(page, "checkpoint", DEMO / "checkpoint.safetensors")
    accepted(page, "checkpoint", DEMO / "checkpoint.safetensors")
    choose(page, "train", DEMO / "train.npz")
    accepted(page, "train", DEMO / "train.npz")
    choose(page, "test", DEMO / "test.npz")
    accepted(page, "test", DEMO / "test.npz")
    describe(page, name="dropped in the browser")
    page.click("#up-start")
    page.wait_for_url("**/jobs/*", timeout=60_000)
    identifier = page.url.rsplit("/", 1)[1]
    expect(page.locator(".job-state")).to_have_text(re.compile("Waiting|Running"))
    expect(page.locator(".stage-running")).to_have_count(1, timeout=60_000)
    # Who waits for the end gets the results without a click.
    page.wait_for_url(f"**/analyses/{identifier}*", timeout=1000 * ANALYSIS_SECONDS)
    page.wait_for_selector("#filmstrip canvas")
    compare_with_rest(page, httpx.get(f"{address}/api/v1/analyses/{identifier}/report").json())
    walk_follows_the_slider(page, address, identifier)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / "journey.png", full_page=True)
    assert not watched.errors


def test_a_language_model_with_its_ids_becomes_pages_of_tokens(
    watched: Watched, address: str, tmp_path: Path
) -> None:
    """A folder of save_pretrained with its tokenizer, zipped, and one file of ids."""
    page, (_, model), train = watched.page, folder_of("GPT-2", tmp_path), tokens(tmp_path)
    page.goto("/upload")
    for zone, file in {"checkpoint": model, "train": train}.items():
        choose(page, zone, file)
        accepted(page, zone, file)
    expect(page.locator("#found-train")).to_contain_text("a token for each of 5 positions")
    page.fill("#up-weight-decay", "1e-2")
    page.click("#up-advanced summary")
    page.fill("#up-top-k", "2")
    page.click("#up-start")
    page.wait_for_url("**/jobs/*", timeout=60_000)
    identifier = page.url.rsplit("/", 1)[1]
    page.wait_for_url(f"**/analyses/{identifier}*", timeout=1000 * ANALYSIS_SECONDS)
    page.wait_for_selector("#spectrum .scatterlayer .trace")
    report = httpx.get(f"{address}/api/v1/analyses/{identifier}/report").json()
    said = report["tokens"]
    assert shown(page, "Perplexity") == pytest.approx(said["perplexity"], rel=5e-3)
    open_part(page, "tokens")
    # The letters of the tokenizer, not numbers.
    first = page.locator("#detail .heatmap-label").first
    expect(first).to_have_text(re.compile("^[a-n]$"))
    expect(page.locator(".side-tokens")).to_contain_text("Dearest sequences")
    open_part(page, "token_pull")
    page.click(".side-token_pull [data-vector='2']")
    picked = "document.querySelector('#detail .js-plotly-plot').data.filter((t) => t.visible)"
    until(page, f"{picked}[0].name === 'pull on v2'")
    for part in ("positions", "token_flips", "sequences", "data", "walk"):
        open_part(page, part)
        page.wait_for_selector("#detail .scatterlayer .trace")
    page.screenshot(path=ARTIFACTS / "tokens.png", full_page=True)
    assert not watched.errors


def walk_follows_the_slider(page: Page, address: str, identifier: str) -> None:
    """Loss at ε, and the boundary there, drawn from arrays that are in the page already."""
    accept = {"accept": "application/json"}
    loss = httpx.get(f"{address}/api/v1/analyses/{identifier}/arrays/walk_loss", headers=accept)
    open_part(page, "walk")
    page.wait_for_selector("#detail .heatmaplayer image")
    page.wait_for_load_state("networkidle")  # what opening asked for may be late on a busy machine
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.keyboard.press("2")
    page.focus("#walk-slider")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#walk-slider")).to_have_attribute("aria-valuetext", re.compile("v2"))
    value = page.locator("#walk-readout b").nth(1).inner_text().split()[0]
    wanted = loss.json()["data"][1][15]
    # the readout has three significant digits
    assert float(value) == pytest.approx(wanted, rel=5e-3)
    until(
        page,
        "document.querySelector('#detail .js-plotly-plot').data"
        ".find((t) => t.name === 'boundary at ε').x.length > 30",
    )
    # Chromium asks for the icon again whenever the address changes; nothing else may be asked for.
    assert not [url for url in asked if url.startswith("http") and "favicon" not in url]


def compare_with_rest(page: Page, report: dict[str, Any]) -> None:
    """Strip, curves, stems and raw report against the document the API serves."""
    gap, spectrum = report["gap"], report["spectrum"]
    # the sentence has two significant digits of the gap, the strip three of all else
    said = re.search(r"about ([\d.]+) nats", page.locator(".expected").inner_text())
    assert said is not None
    assert float(said[1]) == pytest.approx(gap["headline"]["value"], rel=0.051)
    largest = spectrum["eigenvalues"][0]
    assert shown(page, "Largest curvature") == pytest.approx(largest, rel=5e-3)
    smallest = report["margins"]["l2"]["smallest"]["upper"]
    assert shown(page, "Closest crossing") == pytest.approx(smallest, rel=5e-3)
    stems = drawn(page, "spectrum", "eigenvalues")
    assert [record[1] for record in stems["record"]] == spectrum["eigenvalues"]
    open_part(page, "estimates")
    page.wait_for_selector("#gap .scatterlayer .trace")
    curve = drawn(page, "gap", "ALO")
    assert curve["x"] == gap["curves"]["lambda"]
    assert curve["y"] == gap["curves"]["alo_ggn"]


def not_a_number(folder: Path) -> Path:
    """The demo checkpoint with one NaN weight."""
    tensors = load_file(DEMO / "checkpoint.safetensors")
    first = next(iter(tensors))
    tensors[first] = tensors[first].copy()
    tensors[first].flat[0] = np.nan
    save_file(tensors, folder / "nan.safetensors")
    return folder / "nan.safetensors"


def web_page(folder: Path) -> Path:
    file = folder / "model.pt"
    file.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    return file


def sentence_in(zone: Any) -> str:
    """The one sentence a drop zone or notice shows."""
    said: str = zone.inner_text()
    assert said.endswith(".")
    assert len(said.split()) > 4
    return said


@pytest.mark.parametrize(
    ("make", "words"), [(web_page, "HTML"), (not_a_number, "NaN")], ids=["html", "nan"]
)
def test_a_bad_checkpoint_is_refused_in_one_sentence(
    watched: Watched, tmp_path: Path, make: Any, words: str
) -> None:
    page = watched.page
    page.goto("/upload")
    drop(page, "checkpoint", make(tmp_path))
    zone = page.locator("#drop-checkpoint")
    expect(zone).to_have_attribute("data-state", "refused", timeout=60_000)
    assert words in sentence_in(zone.locator(".drop-problem"))
    only_the_refusal(watched)


def only_the_refusal(watched: Watched) -> None:
    """Chromium itself logs the API's 422 once; the page logs nothing."""
    assert len(watched.errors) == 1
    assert "422" in watched.errors[0]


def labels_out_of_range(folder: Path) -> Path:
    data = dict(np.load(DEMO / "train.npz"))
    data["y"][0] = 7
    np.savez(folder / "labels.npz", **data)
    return folder / "labels.npz"


def three_inputs(folder: Path) -> Path:
    data = dict(np.load(DEMO / "train.npz"))
    data["X"] = np.hstack([data["X"], data["X"][:, :1]])
    np.savez(folder / "wide.npz", **data)
    return folder / "wide.npz"


@pytest.mark.parametrize(
    ("make", "words"), [(labels_out_of_range, "7"), (three_inputs, "3")], ids=["labels", "shape"]
)
def test_data_that_does_not_fit_is_refused_in_one_sentence(
    watched: Watched, tmp_path: Path, make: Any, words: str
) -> None:
    page, file = watched.page, make(tmp_path)
    page.goto("/upload")
    drop(page, "checkpoint", DEMO / "checkpoint.safetensors")
    accepted(page, "checkpoint", DEMO / "checkpoint.safetensors")
    drop(page, "train", file)
    accepted(page, "train", file)
    describe(page, name="does not fit")
    page.click("#up-start")
    # a check longer than the server waits for ends as a failed job, with the same sentence
    problem = page.locator("#up-problem .notice-lead, #job-live .notice-lead")
    expect(problem).to_be_visible(timeout=120_000)
    assert words in sentence_in(problem)
    assert not watched.errors
