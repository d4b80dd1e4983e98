"""Every page in a real browser: both themes, both widths, and the links between the pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from minimascope.contract.glossary import TERMS
from tests.browser.axe import picture, violations
from tests.browser.conftest import watched
from tests.cases.reference_report import Found
from tests.servers.browser import until
from tests.servers.recorded import AGAIN, BAD, FAILED, GAUSS, IRIS, LIVE, Recorded

PAGES = {
    "/": ".list",
    "/upload": "#up-start",
    f"/jobs/{LIVE}": "#job-log p",
    f"/jobs/{BAD}": "#job-live [role=alert]",
    f"/analyses/{LIVE}": "#spectrum .scatterlayer .trace",
    f"/analyses/{GAUSS}?vector=2": "#detail .scatterlayer .trace",
    f"/analyses/{IRIS}": "#boundary .scatterlayer .trace",
    f"/compare?ids={GAUSS},{IRIS}": ".strip canvas",
}
BACKGROUND = """() => {
  const paper = [...document.querySelectorAll('.frame .main-svg:first-of-type')]
    .map((svg) => svg.style.background);
  return [getComputedStyle(document.body).backgroundColor, ...new Set(paper)];
}"""


# Frames in sight of a reader that hold no figure.
UNDRAWN = """() => [...document.querySelectorAll('.frame:not(.pending)')]
  .filter((f) => f.offsetParent && !f.querySelector('.main-svg')).map((f) => f.id).join(', ')"""


def drawn(page: Page) -> None:
    """Waits until every frame holds its figure; what is asked for when seen has been seen."""
    page.evaluate("document.querySelector('#line-panel')?.scrollIntoView()")
    until(page, f"() => !({UNDRAWN})()")
    page.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_is_quiet_fits_and_wears_its_theme(
    browser: Browser, address: str, width: int, theme: Any
) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    for page in watched(context, address):
        for path, selector in PAGES.items():
            page.goto(path)
            page.wait_for_selector(selector)
            drawn(page)
            body, *papers = page.evaluate(BACKGROUND)
            assert set(papers) <= {body}, path
            assert page.evaluate(WIDE) <= 0, path
            assert page.locator("html").get_attribute("lang") == "en"
            assert violations(page) == [], path
            picture(page, path, width, theme)


def test_toggle_recolours_drawn_figures(page: Page) -> None:
    page.goto(f"/analyses/{GAUSS}")
    page.wait_for_selector("#spectrum .scatterlayer .trace")
    before = page.evaluate(BACKGROUND)
    page.click("#theme-toggle")
    until(
        page,
        "old => document.querySelector('#spectrum .main-svg').style.background !== old",
        arg=before[0],
    )
    after = page.evaluate(BACKGROUND)
    assert after[0] != before[0]
    assert set(after[1:]) == {after[0]}
    page.reload()
    page.wait_for_selector("#spectrum .scatterlayer .trace")
    drawn(page)
    assert page.evaluate(BACKGROUND) == after


WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_no_page_is_wider_than_the_narrowest_window(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 320, "height": 700})
    for page in watched(context, address):
        for path, selector in PAGES.items():
            page.goto(path)
            page.wait_for_selector(selector)
            for width in (320, 700, 1100):
                page.set_viewport_size({"width": width, "height": 700})
                drawn(page)
                assert page.evaluate(WIDE) <= 0, (path, width)
            page.set_viewport_size({"width": 320, "height": 700})


SHIFTS = """window.shifted = 0;
new PerformanceObserver((seen) => {
  for (const each of seen.getEntries()) if (!each.hadRecentInput) window.shifted += each.value;
}).observe({ type: "layout-shift", buffered: true });"""
NOTICED = """document.querySelector('#service-notice').innerHTML =
  '<div class="notice notice-warn"><p>' + 'No worker runs. '.repeat(9) + '</p></div>'"""


def test_nothing_moves_that_is_read(browser: Browser, address: str) -> None:
    """Neither what a page fetches nor what the service has to say later pushes the rest."""
    for width in (768, 1024):
        context = browser.new_context(base_url=address, viewport={"width": width, "height": 900})
        context.add_init_script(SHIFTS)
        for page in watched(context, address):
            for path in ("/", "/upload", "/docs"):
                page.goto(path)
                page.wait_for_selector(PAGES.get(path, ".glossary"))
                page.evaluate(NOTICED)
                page.wait_for_timeout(300)
                assert page.evaluate("window.shifted") < 0.05, (path, width)


def test_answer_pictures_and_groups_stand_on_one_screen_and_stay_there(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.add_init_script(SHIFTS)
    for page in watched(context, address):
        page.goto(f"/analyses/{GAUSS}")
        drawn(page)
        groups = page.locator(".groups").bounding_box()
        assert groups is not None
        assert groups["y"] + groups["height"] <= 900
        assert page.evaluate("window.shifted") < 0.05


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_what_is_not_there_are_pages_too(
    browser: Browser, address: str, theme: Any
) -> None:
    context = browser.new_context(base_url=address, color_scheme=theme)
    page = context.new_page()
    for path, words in {
        "/nothing": "No page has this address.",
        "/analyses/none": "There is no analysis 'none'.",
        "/jobs/none": "There is no analysis 'none'.",
        "/compare": "Tick two or more finished analyses",
        "/compare?ids=none": "There is no analysis 'none'.",
    }.items():
        page.goto(path)
        expect(page.locator("#main")).to_contain_text(words)
        expect(page.locator("#main a.button")).to_be_visible()
        assert violations(page) == [], path
    context.close()


def test_a_key_switches_the_vector_everywhere(page: Page) -> None:
    sent: list[str] = []
    page.goto(f"/analyses/{GAUSS}?vector=2&lambda=1e-2")
    page.wait_for_selector("#filmstrip canvas")
    expect(page.locator("[data-vector='2']")).to_have_attribute("aria-pressed", "true")
    page.on("request", lambda r: sent.append(r.url))
    page.keyboard.press("4")
    expect(page.locator("[data-vector='4']")).to_have_attribute("aria-pressed", "true")
    until(
        page,
        "document.querySelector('#boundary .js-plotly-plot')"
        ".data[0].colorbar.ticktext[1].includes('4')",
    )
    assert "vector=4" in page.url
    assert "lambda=1e-2" in page.url
    assert not [url for url in sent if "_dash-update-component" in url]


FOCUS = """(selector) => Boolean(document.activeElement?.matches(selector))"""


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until what is focused matches, as someone without a mouse does.

    Once round the page at most: how long the list is depends on the tests before.
    """
    stops = page.locator("a[href], button, input, select, textarea, summary, [tabindex]").count()
    for _ in range(stops):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUS, selector):
            return
    raise AssertionError(f"{stops} times Tab does not reach {selector}")


def test_a_keyboard_alone_goes_from_the_list_to_a_choice_and_a_tab(page: Page) -> None:
    page.goto("/")
    page.wait_for_selector(".list")
    tab_to(page, f"a[href='/analyses/{GAUSS}']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail .scatterlayer .trace")
    page.keyboard.press("3")
    expect(page.locator("[data-vector='3']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("m")
    expect(page.locator("#margins-switch")).to_have_attribute("aria-pressed", "false")
    tab_to(page, "[data-vector='5']")
    page.keyboard.press("Enter")
    expect(page.locator("[data-vector='5']")).to_have_attribute("aria-pressed", "true")
    tab_to(page, "#group-boundary")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#group-curvature")).to_be_focused()
    assert "view=layers" in page.url
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_the_url_restores_the_state_and_bad_values_fall_back(page: Page) -> None:
    page.goto(f"/analyses/{GAUSS}?vector=3&view=margins&point=7&margins=off")
    expect(page.locator("#point-readout")).to_contain_text("Point 7")
    expect(page.locator("#tab-margins")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#group-boundary")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#margins-switch")).to_have_attribute("aria-pressed", "false")
    page.goto(f"/analyses/{GAUSS}?vector=99&lambda=-1&point=x&view=nothing")
    expect(page.locator("[data-vector='1']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tab-overlaps")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    ("path", "slider"),
    [
        (f"/analyses/{GAUSS}?view=estimates", "#lambda-slider"),
        (f"/compare?ids={GAUSS},{IRIS}", "#compare-lambda"),
    ],
)
def test_every_plot_is_a_labelled_image_with_a_table(page: Page, path: str, slider: str) -> None:
    page.goto(path)
    page.wait_for_selector("canvas")
    drawn(page)
    expect(page.locator(slider)).to_have_attribute("aria-valuetext", re.compile(r"\d"))
    for frame in page.locator(".frame").all():
        assert frame.get_attribute("role") == "img"
        assert frame.get_attribute("aria-label")
        described = frame.get_attribute("aria-describedby")
        assert page.locator(f"#{described}").count() == 1
    assert page.get_by_text("Share chart").count() == 0


def test_exported_csv_holds_the_reports_numbers(page: Page, gauss: Found, tmp_path: Path) -> None:
    page.goto(f"/analyses/{GAUSS}?view=estimates")
    page.wait_for_selector("#gap .scatterlayer .trace")
    page.click(".panel-gap .menu summary")
    with page.expect_download() as download:
        page.click("[data-plot='gap'][data-export='csv']")
    file = tmp_path / "gap.csv"
    download.value.save_as(file)
    lines = file.read_text().splitlines()
    assert f"# id: {GAUSS}" in lines
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    drawn = [float(row[2]) for row in rows if row[0] == "ALO"]
    assert gauss[0].gap is not None
    # JavaScript prints doubles so that they read back exactly
    assert np.array_equal(drawn, np.array(gauss[0].gap.curves.alo_ggn, dtype=float))


def test_a_checkpoint_goes_from_drop_to_results(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    page.wait_for_selector(".list")
    file = tmp_path / "model.pt"
    file.write_bytes(b"weights" * 1000)
    data = tmp_path / "train.npz"
    data.write_bytes(b"PK numbers")
    with page.expect_file_chooser() as chooser:
        page.click("#drop-checkpoint")
    chooser.value.set_files(file)
    page.wait_for_url("**/upload?checkpoint=*")
    expect(page.locator("#drop-checkpoint .drop-name")).to_have_text("model.pt")
    page.click("#up-start")
    expect(page.locator("#up-problem")).to_contain_text("No training set has been uploaded.")
    with page.expect_file_chooser() as chooser:
        page.click("#drop-train")
    chooser.value.set_files(data)
    expect(page.locator("#drop-train .drop-name")).to_have_text("train.npz")
    expect(page.locator("#drop-train")).to_have_attribute("data-state", "done")
    page.click("[data-choice='up-family'] [data-value='mlp']")  # these weights have convolutions
    page.click("#up-start")
    expect(page.locator("#up-problem")).to_contain_text("No activation has been chosen.")
    page.click("[data-choice='up-activation'] [data-value='relu']")
    expect(page.locator("#up-problem")).to_be_empty()  # a refusal goes with the next change
    page.click("#up-start")
    page.wait_for_url("**/analyses/*")
    page.wait_for_selector(".expected")


def test_a_failed_job_says_why_and_offers_another_try(page: Page, recorded: Recorded) -> None:
    recorded.failed(AGAIN, "Checkerboard, tried again", FAILED)
    page.goto(f"/jobs/{AGAIN}")
    expect(page.locator("#job-live [role=alert]")).to_contain_text("Three workers were lost")
    page.click("#job-retry")
    expect(page.locator(".job-state")).to_have_text("Waiting for a worker")


GONE = 'event: problem\ndata: {"sentence": "There is no analysis live.", "advice": ""}\n\n'


@pytest.mark.parametrize(
    ("path", "place"), [(f"/jobs/{LIVE}", "#job-live"), (f"/analyses/{LIVE}", "#analysis-problem")]
)
def test_an_analysis_that_is_deleted_while_looked_at_is_said_to_be(
    page: Page, path: str, place: str
) -> None:
    asked: list[str] = []

    def gone(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=GONE, headers={"content-type": "text/event-stream"})

    page.route("**/events", gone)
    page.goto(path)
    expect(page.locator(place).get_by_role("alert")).to_contain_text("There is no analysis live.")
    page.wait_for_timeout(4000)  # longer than an EventSource waits before it asks again
    assert len(asked) == 1


BOTTOMS = """(names) => names.map((name) =>
  Math.round(document.querySelector(name).getBoundingClientRect().bottom))"""


def test_answer_eigenvectors_map_and_spectrum_share_one_screen(page: Page) -> None:
    page.goto(f"/analyses/{GAUSS}?point=7")
    page.wait_for_selector("#boundary .main-svg")
    page.wait_for_selector("#spectrum .main-svg")
    expect(page.locator("#point-readout")).to_contain_text("left out, its loss would")
    places = [".expected", ".range-panel", ".kpis", "#boundary", "#spectrum", ".panel-card"]
    assert max(page.evaluate(BOTTOMS, places)) <= 900
    first = page.evaluate("document.querySelector('main h1, main .expected').textContent")
    assert first
    width = page.evaluate("document.querySelector('#boundary').clientWidth")
    assert width <= 560


def test_an_analysis_without_a_report_opens_its_job(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto(f"/analyses/{BAD}")
    page.wait_for_url(f"**/jobs/{BAD}")
    expect(page.locator("#job-live [role=alert]")).to_be_visible()
    context.close()


def test_a_term_explains_itself_on_hover_on_focus_and_on_tap(page: Page) -> None:
    page.goto(f"/analyses/{GAUSS}")
    word = page.locator("[data-term='soft_rank']").first
    tip = page.get_by_role("tooltip")
    word.hover()
    expect(tip).to_contain_text(TERMS["soft_rank"].sentence)
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    word.focus()
    word.press("Enter")
    expect(tip).to_contain_text("Unit: directions.")
    assert violations(page) == []
