"""Everything follows a choice, the address too; nothing of it asks the server."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import picture, violations
from tests.cases.reference_report import Found
from tests.servers.browser import hover, in_modules, open_part, until
from tests.servers.recorded import BAD, GAUSS, IRIS, Recorded

STATE = "analysis/state.mjs"
SWITCH = """async ({ set }, vectors) => {
  for (const k of vectors) {
    const graph = document.querySelector('#boundary .js-plotly-plot');
    const painted = new Promise((done) => graph.once('plotly_afterplot', done));
    set({ vector: k });
    await painted;
  }
}"""


def test_back_and_forward_walk_through_the_choices(linked: Page) -> None:
    asked: list[str] = []
    linked.on("request", lambda r: asked.append(r.url))
    for key in ("3", "2"):
        linked.keyboard.press(key)
    chosen = linked.locator("[data-vector][aria-pressed='true']")
    linked.go_back()
    expect(chosen).to_have_attribute("data-vector", "3")
    linked.go_back()
    expect(chosen).to_have_attribute("data-vector", "1")
    linked.go_forward()
    expect(chosen).to_have_attribute("data-vector", "3")
    assert not [url for url in asked if "_dash-" in url or "/api/" in url]


def test_pinned_points_show_their_record_and_stay_in_the_address(
    linked: Page, gauss: Found
) -> None:
    in_modules(linked, "({ pin }) => { pin(7); pin(12); }", STATE)
    rows = linked.locator("#point-readout tbody tr")
    expect(rows).to_have_count(2)
    margin = float(gauss[1]["margins"][7])
    assert float(rows.first.locator("td").nth(4).inner_text()) == pytest.approx(margin, rel=5e-3)
    assert "point=7%2C12" in linked.url
    linked.click("[data-unpin='7']")
    expect(rows).to_have_count(1)


ON_LOG_AXIS = """({ spectrum, state: { payload, view } }) => {
  const { linear } = payload.figures.spectrum.layout.meta;
  const place = (value) => Math.log10(1 + value / linear);
  payload.figures.spectrum.data.push({ type: "scatter", name: "on all examples", yaxis: "y2",
    meta: { role: "on_all" }, x: [place(3.3)], y: [0.5], customdata: [[1, 3.3, 0.8]],
    error_x: { type: "data", array: [place(4.1) - place(3.3)], arrayminus: [0] } });
  const drawn = spectrum(payload, { ...view, log: true }, 740).data.at(-1);
  return [drawn.x[0], drawn.error_x.array[0], drawn.error_x.arrayminus[0]];
}"""


def test_errors_of_a_sample_are_those_of_its_values_on_a_log_axis(linked: Page) -> None:
    found = in_modules(linked, ON_LOG_AXIS, STATE, "analysis/spectrum_drawing.mjs")
    assert found == pytest.approx([3.3, 0.8, 0.8])


CLICK = """({ clicks }) =>
  clicks.spectrum({ data: { meta: { role: "eigenvalues" } }, customdata: [2, 0.1, 1e-9] })"""
MANY_CLASSES = """async ({ boundary, show, widthOf, state: { payload, view } }) => {
  const drawn = payload.figures.boundary;
  const like = drawn.data.findLast((t) => /class/.test(t.name || ""));
  const more = Array.from({ length: 12 }, (_, k) => ({ ...like, name: `class ${k + 20}` }));
  drawn.data.push(...more);
  await show("boundary", boundary(payload, view, widthOf("boundary", 0)));
  const graph = document.querySelector("#boundary .js-plotly-plot");
  const { w, h } = graph._fullLayout._size, { xaxis, yaxis } = drawn.layout;
  const asked = (yaxis.range[1] - yaxis.range[0]) / (xaxis.range[1] - xaxis.range[0]);
  return { shape: h / w, asked: Math.min(asked, 1.12),
    legend: graph.querySelectorAll(".legend .traces").length,
    names: graph.querySelectorAll(".annotation-text").length };
}"""


def test_on_a_phone_many_classes_leave_the_map_its_height(linked: Page) -> None:
    linked.set_viewport_size({"width": 390, "height": 800})
    svg = linked.locator("#boundary .js-plotly-plot .main-svg").first
    expect(svg).to_have_attribute("width", re.compile(r"^3\d\d$"))
    found = in_modules(
        linked, MANY_CLASSES, STATE, "analysis/boundary_drawing.mjs", "figures/show.mjs"
    )
    # Names are in the regions, not in a legend that would push the map down.
    assert found["legend"] == 0
    assert found["names"] >= 2
    # Not squeezed: as high as the plane's shape asks for.
    assert found["shape"] == pytest.approx(found["asked"], rel=0.03)


def test_a_range_counts_the_eigenvalues_in_it(linked: Page, gauss: Found) -> None:
    known = np.asarray(gauss[1]["eigenvalues"], dtype=np.float32)
    linked.fill("#count-low", "1e-3")
    wanted = _spaced(int((known >= 1e-3).sum()))
    said = f"{wanted} of {_spaced(len(known))} known"
    expect(linked.locator("#count-readout")).to_have_text(said)
    box = linked.locator("#spectrum .main-svg").first.bounding_box()
    assert box is not None
    high = box["y"] + 0.3 * box["height"]
    linked.mouse.move(box["x"] + 0.5 * box["width"], high)
    linked.mouse.down()
    linked.mouse.move(box["x"] + 0.9 * box["width"], high, steps=4)
    linked.mouse.up()
    expect(linked.locator("#count-low")).not_to_have_value("1e-3")
    low, top = (float(linked.input_value(f"#count-{end}")) for end in ("low", "high"))
    inside = int(((known >= low) & (known <= top)).sum())
    expect(linked.locator("#count-readout")).to_contain_text(f"{_spaced(inside)} of")


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def test_axes_switch_between_log_and_symlog_and_linear(linked: Page) -> None:
    kind = "(plot, axis) => document.querySelector(`#${plot} .js-plotly-plot`).layout[axis].type"
    linked.click("#log-switch")
    until(linked, f"({kind})('spectrum', 'xaxis') === 'log'")
    open_part(linked, "estimates")
    linked.click("#linear-switch")
    until(linked, f"({kind})('gap', 'yaxis') === 'linear'")
    assert "spectrum=log" in linked.url
    assert "gap=linear" in linked.url


def test_a_tile_an_eigenvalue_and_a_hard_point_are_chosen_by_clicking(linked: Page) -> None:
    linked.click("#filmstrip [data-vector='3']")
    chosen = linked.locator("[data-vector][aria-pressed='true']")
    expect(chosen).to_have_attribute("data-vector", "3")
    in_modules(linked, CLICK, "figures/pictures.mjs")
    expect(chosen).to_have_attribute("data-vector", "2")
    open_part(linked, "data")
    first = linked.locator("#data-points [data-pin]").first
    point = first.inner_text()
    first.click()
    expect(linked.locator("#point-readout")).to_contain_text(f"Point {point}")
    assert f"point={point}" in linked.url


def test_a_tile_shows_the_field_it_names(linked: Page, gauss: Found) -> None:
    # a pixel well inside the plane, painted as the colour of its alignment in the light palette
    field = gauss[1]["slice_alignment"][1]
    row, column = (int(i) for i in np.unravel_index(np.abs(field).argmax(), field.shape))
    script = """([row, column, m]) => {
      const canvas = document.querySelector("[data-vector='2'] canvas");
      const c = canvas.getContext("2d");
      const x = Math.round((column / (m - 1)) * (canvas.width - 1));
      const y = Math.round((1 - row / (m - 1)) * (canvas.height - 1));
      return [...c.getImageData(x, y, 1, 1).data];
    }"""
    until(linked, "document.querySelector(\"[data-vector='2'] canvas\").width > 60")
    red, green, blue, _ = linked.evaluate(script, [row, column, len(field)])
    # PuOr: orange where the alignment is negative, purple where it is positive
    assert (blue > green) if field[row, column] > 0 else (red > blue), (red, green, blue)


EDGES = "({ classEdges }) => classEdges([0, 1, 0, 1], [0, 1], [0, 1])"


def test_edges_of_classes_are_where_neighbours_differ(linked: Page) -> None:
    found = in_modules(linked, EDGES, "analysis/class_edges.mjs")
    assert found == {"x": [0.5, 0.5, None], "y": [0, 1, None]}


def test_a_vector_switches_without_asking_the_server(linked: Page) -> None:
    asked: list[str] = []
    linked.on("request", lambda r: asked.append(r.url))
    in_modules(linked, SWITCH, STATE, arg=[2, 3, 4, 5, 1])
    # Chromium asks for the icon again whenever the address changes.
    assert [url for url in asked if url.startswith("http") and "favicon" not in url] == []


def test_a_page_is_under_three_megabytes_on_the_wire(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.set_default_timeout(90_000)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"/analyses/{GAUSS}")
    page.wait_for_selector("#filmstrip canvas")
    page.wait_for_selector("#detail .main-svg")
    context.close()
    assert 100_000 < sum(sizes) < 3_000_000


def drawing_processes(recorded: Recorded) -> list[int]:
    """Where the service makes figures."""
    found = recorded.served.descendants()
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
    return [pid for pid, line in lines.items() if b"spawn_main" in line]


def test_the_server_answers_while_figures_are_made(recorded: Recorded, address: str) -> None:
    asked = f"{address}/drawings/{GAUSS}/tiles?vectors="
    assert httpx.get(f"{asked}5,3", timeout=120).status_code == 200
    drawing = drawing_processes(recorded)
    assert drawing
    with ThreadPoolExecutor(1) as pool:
        # They stand still until the answers are there: on the event loop none would come.
        for process in drawing:
            os.kill(process, signal.SIGSTOP)
        reply = pool.submit(httpx.get, f"{asked}5,4", timeout=120)
        try:
            for _ in range(5):
                assert httpx.get(f"{address}/api/v1/health/live", timeout=30).status_code == 200
            assert not reply.done()
        finally:
            for process in drawing:
                os.kill(process, signal.SIGCONT)
        assert reply.result().status_code == 200


def test_figures_are_made_after_their_process_was_killed(recorded: Recorded, address: str) -> None:
    asked = f"{address}/drawings/{GAUSS}/tiles?vectors="
    assert httpx.get(f"{asked}2,3", timeout=120).status_code == 200
    for process in drawing_processes(recorded):
        os.kill(process, signal.SIGKILL)
    assert httpx.get(f"{asked}2,4", timeout=120).status_code == 200


def test_open_states_have_no_violations(linked: Page) -> None:
    for part in ("margins", "layers", "data", "estimates"):
        open_part(linked, part)
        assert violations(linked) == [], part
    linked.click(".panel-gap .menu summary")
    linked.click("[data-plot='spectrum'][data-export='table']")
    in_modules(linked, "({ pin }) => pin(3)", STATE)
    assert violations(linked) == []
    linked.keyboard.press("?")
    expect(linked.locator("#help")).to_be_visible()
    assert violations(linked) == []


@pytest.mark.parametrize("path", ["/nothing", "/compare", f"/jobs/{BAD}", "/analyses/none"])
def test_states_of_failure_have_no_violations(browser: Browser, address: str, path: str) -> None:
    context = browser.new_context(base_url=address, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(path)
    page.wait_for_selector("h1")
    assert violations(page) == []
    picture(page, path, 1440, "dark")
    context.close()


@pytest.mark.parametrize("width", [320, 700, 1024])
def test_no_width_overflows(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(base_url=address, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.set_default_timeout(90_000)
    for path in ("/", "/upload", f"/analyses/{GAUSS}?view=walk", f"/compare?ids={GAUSS},{IRIS}"):
        page.goto(path)
        page.wait_for_selector("h1")
        page.wait_for_load_state("load")
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, path
    context.close()


PLACE = """([plot, name, index]) => {
  const graph = document.querySelector(`#${plot} .js-plotly-plot`);
  const { xaxis, yaxis } = graph._fullLayout;
  const trace = graph.calcdata.find((each) => each[0].trace.name === name);
  const box = graph.getBoundingClientRect(), point = trace[index];
  return { across: box.x + xaxis._offset + xaxis.c2p(point.x),
    down: box.y + yaxis._offset + yaxis.c2p(point.y) };
}"""


def where(page: Page, point: list[object]) -> tuple[float, float]:
    """Where a point is drawn now."""
    place = page.evaluate(PLACE, point)
    return place["across"], place["down"]


def test_a_click_on_a_curve_chooses_its_lambda(linked: Page, gauss: Found) -> None:
    assert gauss[0].gap is not None
    open_part(linked, "estimates")
    linked.locator("#gap .scatterlayer .trace").first.wait_for()
    linked.locator("#gap").scroll_into_view_if_needed()
    hover(linked, "#gap", lambda: where(linked, ["gap", "ALO", 8]))
    linked.mouse.down()
    linked.mouse.up()
    known = gauss[0].gap.curves
    wanted = f"{known.lambda_[8]:.2e}"
    expect(linked).to_have_url(re.compile(rf"lambda={float(wanted):g}|lambda={_short(wanted)}"))
    said = linked.locator("#lambda-readout b").nth(1).inner_text()
    # three significant digits
    assert known.alo_ggn[8] is not None
    assert _read(said) == pytest.approx(known.alo_ggn[8], rel=6e-3)
    moved = float(linked.input_value("#lambda-slider"))
    ends = np.log10([known.lambda_[0], known.lambda_[-1]])
    share = (np.log10(known.lambda_[8]) - ends[0]) / (ends[1] - ends[0])
    assert moved == pytest.approx(1000 * share, abs=1)


def _short(text: str) -> str:
    """As JavaScript writes an exponential: no zeros at the end, none in the exponent."""
    mantissa, exponent = text.split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _read(said: str) -> float:
    """A number as the page writes it: `0.0123` or `1.2·10⁻⁵`."""
    mantissa, _, power = said.replace("−", "-").partition("·10")
    digits = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(mantissa) * 10.0 ** int(digits or 0)


def test_the_sign_of_an_eigenvector_is_flipped_everywhere(linked: Page, gauss: Found) -> None:
    in_modules(linked, "({ pin }) => pin(7)", STATE)
    cell = linked.locator("#point-readout tbody td").nth(5)
    value = float(gauss[1]["alignment"][0][7])
    # int8 steps of 1/127, then two significant digits
    assert _read(cell.inner_text()) == pytest.approx(value, abs=0.5 / 127 + 5e-3)
    scale = "document.querySelector('#boundary .js-plotly-plot').data[0].reversescale"
    assert not linked.evaluate(scale)
    linked.click("#sign-switch")
    expect(linked.locator("#sign-switch")).to_have_attribute("aria-pressed", "true")
    until(linked, scale)
    assert _read(cell.inner_text()) == pytest.approx(-value, abs=0.5 / 127 + 5e-3)
    assert "sign=-" in linked.url
    linked.keyboard.press("f")
    until(linked, f"!{scale}")
    assert "sign" not in linked.url


LAYERS_DRAWN = "document.querySelector('#detail .js-plotly-plot').data[0].y"


def test_layers_are_chosen_by_name_and_the_choice_is_in_the_address(
    linked: Page, gauss: Found
) -> None:
    assert gauss[0].spectrum is not None
    every = gauss[0].spectrum.layer_names
    open_part(linked, "layers")
    until(linked, f"({LAYERS_DRAWN}).length === {len(every)}")
    linked.fill("#layers-words", f"nothing, {every[1].upper()}")
    until(linked, f"({LAYERS_DRAWN}).join() === '{every[1]}'")
    expect(linked.locator("#side-layers .layer-count")).to_have_text(f"1 of {len(every)} layers")
    assert f"layers=nothing%2C+{every[1].upper()}" in linked.url
    drawn = "({ rowsOf, drawn }) => rowsOf(drawn('layers', 600)).map((row) => [row[2], row[3]])"
    rows = in_modules(linked, drawn, "export/rows.mjs", "analysis/drawings.mjs")
    mass = np.array(gauss[0].spectrum.layer_mass)
    assert {row[0] for row in rows} == {every[1]}
    np.testing.assert_allclose([row[1] for row in rows], mass[:, 1], atol=1e-6)
    linked.fill("#layers-words", "nothing")
    until(linked, f"({LAYERS_DRAWN}).length === {len(every)}")
    expect(linked.locator("#side-layers .layer-count")).to_contain_text("No layer has such a name")
