"""The line between two minima on the compare page: drawn, in words, in the address, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.pages.compare.line import line_words
from minimascope.contract.questions.interpolations import Barrier, Statistics
from minimascope.figures.interpolation import interpolation_figure
from tests.browser.axe import violations
from tests.browser.stub_api import CURVE, SPLIT
from tests.browser.test_exports import saved

REFUSED = "The two have different training sets."


def test_bands_are_one_standard_error_and_unknown_losses_are_gaps() -> None:
    figure = interpolation_figure(CURVE, ("A", "B"))
    [line] = [t for t in figure.data if t.name == "training"]
    assert np.isnan(line.y[-1])
    assert line.customdata[:4].tolist() == SPLIT.loss_standard_error[:4]
    [band] = [t for t in figure.data if t.name == "training loss ± s.e. over examples"]
    upper, lower = np.split(np.asarray(band.y), 2)
    assert np.allclose(upper - lower[::-1], 2 * np.asarray(SPLIT.loss_standard_error[:4], float))
    # 0.9 is the highest between the ends; the 3 before them leaves the frame.
    assert 0.9 < figure.layout.yaxis.range[1] < 3


@pytest.mark.parametrize(
    ("barrier", "statistics", "said"),
    [
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "none", "barrier of 0.750 ± 0.080"),
        (Barrier(value=0.01, standard_error=0.02, alpha=0.5), "none", "linearly connected"),
        (Barrier(value=0.0, standard_error=0.0, alpha=0.0), "none", "No barrier"),
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "interpolated", "may be theirs"),
        (Barrier(value=0.75, standard_error=0.08, alpha=0.5), "recomputed", "Jordan et al. 2022"),
    ],
)
def test_a_barrier_is_said_with_its_error_and_what_was_done(
    barrier: Barrier, statistics: Statistics, said: str
) -> None:
    train = SPLIT.model_copy(update={"barrier": barrier})
    curve = CURVE.model_copy(update={"train": train, "statistics": statistics})
    words = " ".join(str(part.children) for part in line_words(curve))  # type: ignore[attr-defined]
    assert said in words
    assert ("12.3 apart") in words


def test_the_line_is_drawn_between_the_chosen_two_and_exported(page: Page, tmp_path: Path) -> None:
    page.goto("/compare?ids=gauss,iris")
    page.locator("#line-panel").scroll_into_view_if_needed()
    page.wait_for_selector("#line .scatterlayer .trace")
    expect(page.locator("#line-words")).to_contain_text("a barrier of 0.750 ± 0.080 nats stands")
    assert "from=gauss&to=iris" in page.url
    page.select_option("#line-from-menu", "iris")
    page.wait_for_url("**from=iris**")
    ticks = page.locator("#line .xaxislayer-below, #line .xtick text")
    expect(ticks.filter(has_text="0: B").first).to_be_visible()
    assert violations(page) == []
    [kept] = page.evaluate(
        "() => minimascope.about().compared.filter((each) => each.id === 'gauss')"
    )
    assert {"parameters", "seed", "versions", "checkpoint"} <= set(kept)
    rows = saved(page, "[data-plot='line'][data-export='csv']", tmp_path, menu=".panel-line")
    lines = [row.split(",") for row in rows.read_text().splitlines() if row[:1] != "#"]
    drawn = [[float(cell) for cell in row[1:]] for row in lines if row[0] == "training"]
    known = zip(CURVE.alpha, SPLIT.loss, SPLIT.loss_standard_error, strict=True)
    assert drawn == [list(row) for row in known][:4]
