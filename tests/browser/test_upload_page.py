"""The upload page: what is in the files, and an architecture chosen from the table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.components.words import span
from tests.browser.axe import violations
from tests.browser.conftest import watched
from tests.servers.recorded import ANSWERS


def choose(page: Page, zone: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(f"#drop-{zone}")
    chooser.value.set_files(file)
    expect(page.locator(f"#drop-{zone}")).to_have_attribute("data-state", "done")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    checkpoint, train = tmp_path / "model.pt", tmp_path / "train.npz"
    checkpoint.write_bytes(b"weights" * 1000)
    train.write_bytes(b"PK numbers")
    return checkpoint, train


def fact(page: Page, zone: str, term: str) -> str:
    found = page.locator(f"#found-{zone} .facts div", has=page.get_by_text(term, exact=True))
    return found.locator("dd").inner_text()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_files_are_described_and_a_candidate_is_chosen_by_hand(
    browser: Browser, address: str, files: tuple[Path, Path], theme: Any, width: int
) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    for page in watched(context, address):
        page.goto("/upload")
        choose(page, "checkpoint", files[0])
        assert fact(page, "checkpoint", "Parameters") == "92\u202f800"
        assert len(fact(page, "checkpoint", "SHA-256")) == 64
        assert "'ema'" in page.locator("#found-checkpoint").inner_text()
        page.click(".found-layers summary")
        assert page.locator(".found-table tbody tr").count() == 80
        assert page.locator(".found-table tbody tr").first.inner_text().split() == [
            *("features.0.weight", "16", "×", "16", "×", "3", "×", "3", "float32")
        ]
        choose(page, "train", files[1])
        assert fact(page, "train", "Duplicates") == "3 repeat others"
        assert "mean 0.306" in fact(page, "train", "Normalisation")
        bars = page.locator("#found-train .balance li").all_inner_texts()
        assert [bar.split() for bar in bars][1] == ["dog", "250", "·", "21", "%"]
        expect(page.locator(".candidate")).to_have_count(9)  # by itself: it has convolutions
        family = page.locator("[data-choice=up-family] [aria-checked=true]")
        expect(family).to_have_text("Sequential, as JSON")
        expect(page.locator(".candidate[aria-checked=true]")).to_have_count(0)
        page.click(".candidate >> nth=0")
        chosen = "[data-choice=up-activation] [aria-checked=true]"
        expect(page.locator(chosen)).to_have_text("gelu")
        expect(page.locator("#up-cost")).to_contain_text("accuracy 99.8 %")
        expect(page.locator("#up-cost")).to_contain_text("3 training examples repeat others")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0
        assert violations(page) == []


def test_a_sequential_candidate_fills_the_layers_and_another_loss_clears_the_table(
    page: Page, files: tuple[Path, Path]
) -> None:
    convolutional = files[0].with_name("cnn.pt")
    convolutional.write_bytes(b"other weights")
    page.goto("/upload")
    choose(page, "checkpoint", convolutional)
    page.click("#up-list")
    expect(page.locator("#up-candidates")).to_contain_text("No training set has been uploaded.")
    choose(page, "train", files[1])
    page.click(".candidate >> nth=1")
    expect(page.locator("#up-sequential")).to_be_visible()
    written = json.loads(page.locator("#up-sequential").input_value())
    recorded = json.loads((ANSWERS / "architectures-cnn.json").read_text())
    assert written == recorded["candidates"][1]["architecture"]
    page.click("[data-choice='up-loss'] [data-value='mse']")
    expect(page.locator(".candidate")).to_have_count(0)


def test_the_stages_chosen_are_those_asked_for_and_the_cost_follows(
    page: Page, files: tuple[Path, Path]
) -> None:
    page.goto("/upload")
    choose(page, "checkpoint", files[0])
    choose(page, "train", files[1])
    page.click("[data-choice='up-family'] [data-value='mlp']")
    page.click("[data-choice='up-activation'] [data-value='relu']")
    cost = page.locator("#up-cost")
    seconds = json.loads((ANSWERS / "plan.json").read_text())["stage_seconds"]
    gap = span(seconds["gap"])
    expect(cost).to_contain_text(f"About {span(sum(seconds.values()))} on this machine")
    expect(cost).to_contain_text(f"generalization gap over λ {gap}")
    expect(cost).to_contain_text("about 2189 products")
    page.click("#up-advanced summary")
    pressed = page.locator("[data-several='up-stages'] [aria-pressed=true]")
    page.click("[data-several='up-stages'] [data-value='spectrum']")
    # What needs the spectrum goes with it.
    expect(pressed).to_have_text(["Generalization gap over λ"])
    expect(cost).to_contain_text(f"About {gap} on this machine, within a factor of two or so.")
    expect(cost).not_to_contain_text("products")
    page.click("[data-several='up-stages'] [data-value='gap']")
    page.click("#up-start")
    expect(page.locator("#up-problem")).to_contain_text("No stage has been chosen.")
    expect(page.locator("#up-stages-field .field-refusal")).to_have_count(1)
    page.click("[data-several='up-stages'] [data-value='boundary']")
    expect(pressed).to_have_text(
        ["Top eigenpairs of the Hessian", "Alignment and decision boundary"]
    )
    expect(page.locator(".field-refusal")).to_have_count(0)
    page.click("[data-choice='up-dtype'] [data-value='float32']")
    budget = page.locator("[data-choice=up-budget] [aria-checked=true]")
    expect(budget).to_have_text("Normal")
    expect(cost).to_contain_text("Normal: nothing is shortened.")
    page.click("[data-choice='up-budget'] [data-value='other']")
    page.fill("#up-seconds", "5")
    page.keyboard.press("Tab")
    expect(cost).to_contain_text("Other keeps to 5 s")
    page.click("[data-choice='up-budget'] [data-value='quick']")
    expect(page.locator("#up-seconds")).to_be_hidden()
    expect(page.locator("#up-budget-said")).to_contain_text("first numbers from a sample")
    page.fill("#up-seed", "7")
    page.keyboard.press("Tab")
    page.reload()  # files are in the address, settings beside them
    expect(page.locator("#drop-train")).to_have_attribute("data-state", "done")
    expect(page.locator("#up-seed")).to_have_value("7")
    expect(budget).to_have_text("Quick look")
    expect(page.locator("[data-choice=up-activation] [aria-checked=true]")).to_have_text("relu")
    page.click("[data-earlier=test] summary")
    page.evaluate("document.body.click()")  # as the page presses its own buttons: it stays open
    page.locator("[data-earlier=test] .menu-item", has_text="train.npz").first.click()
    expect(page.locator("#drop-test")).to_have_attribute("data-state", "done")
    with page.expect_request("**/_dash-update-component**"):
        page.click("#up-start")
    page.wait_for_url("**/jobs/*")
    server, identifier = page.url.split("/jobs/")
    asked = httpx.get(f"{server}/api/v1/analyses/{identifier}").json()["parameters"]
    assert asked["stages"] == ["spectrum", "boundary"]
    assert asked["dtype"] == "float32"
    assert asked["seed"] == 7
    assert (asked["seconds"], asked["seconds_at_most"]) == (60.0, None)
    expect(page.locator(".page-job .subtitle")).to_contain_text("quick look, 60 s")
    page.goto("/")  # run again: files and what was asked for are there, to be changed
    page.locator(f".menu:has([data-id='{identifier}']) summary").click()
    page.locator(f".menu:has([data-id='{identifier}']) >> text=Run again").click()
    expect(page.locator("#drop-train")).to_have_attribute("data-state", "done")
    expect(page.locator("#up-seed")).to_have_value("7")
    expect(budget).to_have_text("Quick look")
    expect(page).not_to_have_url(re.compile("again="))


def test_a_table_is_described_once_its_label_column_is_known(page: Page, tmp_path: Path) -> None:
    table = tmp_path / "iris.csv"
    table.write_text("width,species\n1,setosa\n")
    page.goto("/upload")
    for zone in ("train", "test"):
        choose(page, zone, table)
        expect(page.locator(f"#found-{zone} .facts")).not_to_contain_text("Duplicates")
    page.click(".chips .radio >> nth=1")
    for zone in ("train", "test"):
        expect(page.locator(f"#found-{zone} .facts")).to_contain_text("Duplicates")
        assert fact(page, zone, "Duplicates") == "45 repeat others"
        assert fact(page, zone, "Shape of one") == "1"
        assert "used as they are" in fact(page, zone, "Normalisation")
        bars = page.locator(f"#found-{zone} .balance li").all_inner_texts()
        assert bars[0].split() == ["setosa", "31", "·", "52", "%"]
        expect(page.locator(f"#found-{zone} .found-note")).to_be_hidden()
    expect(page.locator("#up-label")).to_have_value("species")


def asked_for(page: Page) -> dict[str, Any]:
    """The parameters of the analysis whose job the page shows."""
    page.wait_for_url("**/jobs/*")
    server, identifier = page.url.split("/jobs/")
    found: dict[str, Any] = httpx.get(f"{server}/api/v1/analyses/{identifier}").json()
    return found


def test_only_what_counts_for_the_optimiser_is_asked_for(
    page: Page, files: tuple[Path, Path]
) -> None:
    page.goto("/upload")
    shown = {
        "sgd": {"lr", "steps", "momentum", "schedule", "lr-sum"},
        "adamw": {"lr", "steps", "schedule", "lr-sum", "betas", "batch-size"},
        "lbfgs": set(),
        "other": set(),
    }
    every = set().union(*shown.values())
    for optimizer, wanted in shown.items():
        page.click(f"[data-choice='up-optimizer'] [data-value='{optimizer}']")
        for field in every:
            seen = expect(page.locator(f"#up-{field}-field"))
            seen.to_be_visible() if field in wanted else seen.to_be_hidden()
        expect(page.locator("#up-weight-decay")).to_be_visible()
    expect(page.locator("#up-about")).to_contain_text("there is no estimate")
    page.click("#up-loss-more summary")
    expect(page.locator("#up-label-smoothing")).to_be_visible()
    page.click("[data-choice='up-loss'] [data-value='binary']")
    expect(page.locator("#up-label-smoothing")).to_be_hidden()
    expect(page.locator("#up-pos-weight")).to_be_visible()


def test_what_is_not_shown_is_not_asked_for_and_a_contradiction_is_a_sentence(
    page: Page, files: tuple[Path, Path]
) -> None:
    page.goto("/upload")
    choose(page, "checkpoint", files[0])
    choose(page, "train", files[1])
    page.click("[data-choice='up-family'] [data-value='mlp']")
    page.click("[data-choice='up-activation'] [data-value='relu']")
    page.click("[data-choice='up-optimizer'] [data-value='sgd']")
    page.fill("#up-momentum", "0.9")
    page.fill("#up-lr", "0.1")
    page.fill("#up-lr-sum", "3")
    page.fill("#up-steps", "10")
    page.click("#up-start")
    expect(page.locator("#up-problem")).to_contain_text("give the true ones")
    page.click("[data-choice='up-optimizer'] [data-value='lbfgs']")
    page.fill("#up-weight-decay", "1e-3")
    page.click("#up-start")
    asked = asked_for(page)["parameters"]
    assert (asked["optimizer"], asked["weight_decay"]) == ("lbfgs", 1e-3)
    assert asked["momentum"] is asked["lr"] is asked["lr_sum"] is asked["steps"] is None


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_what_a_training_checkpoint_says_fills_the_form(
    browser: Browser,
    address: str,
    files: tuple[Path, Path],
    tmp_path: Path,
    theme: Any,
    width: int,
) -> None:
    checkpoint = tmp_path / "adamw.pt"
    checkpoint.write_bytes(b"weights and an optimiser" + str(width).encode())
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    for page in watched(context, address):
        page.goto("/upload")
        choose(page, "checkpoint", checkpoint)
        expect(page.locator("#up-read")).to_contain_text(
            "Read from your files: label smoothing 0.1, AdamW, weight decay 0.01 on matrices, "
            "20 steps with a cosine schedule from 0.01"
        )
        chosen = "[data-choice=up-optimizer] [aria-checked=true]"
        expect(page.locator(chosen)).to_have_text("AdamW")
        expect(page.locator("#up-betas")).to_have_value("0.9, 0.99")
        expect(page.locator("#up-schedule-menu")).to_have_value("cosine")
        expect(page.locator("#up-dropout-menu")).to_have_value("yes")
        expect(page.locator("#up-label-smoothing")).to_have_value("0.1")
        page.fill("#up-steps", "30")
        choose(page, "train", files[1])
        choose(page, "optimizer_state", checkpoint)
        expect(page.locator("#up-steps")).to_have_value("20")
        page.fill("#up-steps", "30")
        page.click("[data-choice='up-activation'] [data-value='gelu']")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0
        assert violations(page) == []
        page.click("#up-start")
        found = asked_for(page)
        asked = found["parameters"]
        assert (asked["optimizer"], asked["betas"]) == ("adamw", [0.9, 0.99])
        assert (asked["weight_decay"], asked["decay_on"]) == (0.01, "matrices")
        assert (asked["lr"], asked["schedule"], asked["steps"]) == (0.01, "cosine", 30)
        assert (asked["label_smoothing"], asked["dropout"]) == (0.1, True)
        assert found["optimizer_state"] == found["checkpoint"]


@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
def test_weights_are_told_before_there_are_data(
    browser: Browser, address: str, files: tuple[Path, Path], theme: Any, width: int
) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    told = json.loads((ANSWERS / "weights.json").read_text())
    for page in watched(context, address):
        page.goto("/upload")
        expect(page.locator(".weights")).not_to_contain_text("What the weights alone say")
        choose(page, "checkpoint", files[0])
        expect(page.locator(".weights h3")).to_have_text("What the weights alone say")
        said = page.locator(".weights .found-note").all_inner_texts()
        assert said == told["findings"]
        page.click(".weights-rows summary")
        rows = page.locator(".weights-rows tbody tr")
        expect(rows).to_have_count(len(told["rows"]))
        known = [row["name"] for row in told["rows"] if row["singular_values"]]
        expect(page.locator("#weight-layer-menu option")).to_have_count(len(known))
        page.wait_for_selector("#weights .scatterlayer .trace", state="attached")
        page.select_option("#weight-layer-menu", known[-1])
        page.wait_for_selector("#weights .scatterlayer .trace", state="attached")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0
        assert violations(page) == []
