"""How fast the pages are, on the real service with the demo minima and real Chromium.

    python benchmarks/page_speed.py          # writes results/page_speed.json

Times are medians of RUNS cold visits (an empty browser cache each, a server that has drawn
nothing yet for the first of them), in seconds from the request:

- list: the first row of the list; analysis: the gap with its verdict, then the first picture
  (the filmstrip), the boundary map, and every picture near it;
- compare: 20 minima, the scatter drawn and the first row of tiles painted, from the moment the
  numbers are there;
- switch: from the choice of a vector to Plotly's afterplot of a 200 × 200 map, key: from a key that
  chooses one to the frame that shows it chosen, in milliseconds;
- first_picture: from the drop of the training set (the checkpoint is there, Start is pressed as
  soon as the fit is known) to the painted decision regions; fit: to the sentence that says so;
- health: the slowest answer of /health/live while figures are made, in milliseconds.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.servers.browser import chromium, in_modules, until
from tests.servers.serve import Served

RESULT = ROOT / "benchmarks" / "results" / "page_speed.json"
RUNS, SWITCHES, MINIMA = 3, 20, 20
SWITCH = """async ({ set }, vector) => {
  const graph = document.querySelector('#boundary .js-plotly-plot');
  const painted = new Promise((done) => graph.once('plotly_afterplot', done));
  const begun = performance.now();
  set({ vector });
  await painted;
  return performance.now() - begun;
}"""
PICTURES = """() => ['boundary', 'spectrum', 'detail'].every((name) =>
    document.querySelector(`#${name} .scatterlayer .trace`))
  && document.querySelector('#filmstrip canvas')"""
# In the order they come; noted inside the page, at the frame after the one that shows them.
SEEN = {
    "verdict": ".answer",
    "filmstrip": "#filmstrip canvas",
    "map": "#boundary .heatmaplayer image",
}
NOTE = """(() => {
  const wanted = %s, seen = (window.seen = {});
  new MutationObserver(() => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (name in seen || !document.querySelector(selector)) continue;
      seen[name] = null;
      requestAnimationFrame(() => setTimeout(() => { seen[name] = performance.now(); }));
    }
  }).observe(document, { childList: true, subtree: true });
})()"""


KEY = """async (key) => {
  const tile = document.querySelector(`#filmstrip [data-vector='${key}']`);
  const begun = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  while (tile.getAttribute('aria-pressed') !== 'true') await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
DROPPED = ROOT / "backend" / "demos" / "weight-decay"


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """`minimascope serve` over MINIMA copies of the demo minima; its address."""
    demo = folder / "demo"
    kinds = sorted((ROOT / "backend" / "demos").iterdir())
    for number in range(MINIMA):
        kind = kinds[number % len(kinds)]
        shutil.copytree(kind, demo / f"{number:02}-{kind.name}")
    with Served(folder / "data", {"DEMO_DIR": str(demo)}, quiet=False) as served:
        yield served.url


@contextmanager
def cold(browser: Browser) -> Iterator[tuple[Page, list[float]]]:
    """A page with an empty cache, and the bytes of every answer it gets."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    yield page, sizes
    context.close()


def first_list(browser: Browser, address: str) -> float:
    row = ".list tbody tr"
    with cold(browser) as (page, _):
        page.add_init_script(NOTE % json.dumps({"list": row}))
        page.goto(address, wait_until="commit")
        page.wait_for_selector(row)
        page.wait_for_function("window.seen.list")
        return page.evaluate("window.seen.list") / 1000


def analysis(browser: Browser, url: str) -> dict[str, float]:
    with cold(browser) as (page, sizes):
        page.add_init_script(NOTE % json.dumps(SEEN))
        begun = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_selector(SEEN["map"])
        until(page, PICTURES, every=0.01)
        found = {"analysis_complete_s": time.perf_counter() - begun}
        for name, seen in page.evaluate("window.seen").items():
            found[f"analysis_{name}_s"] = seen / 1000
        page.wait_for_selector("#detail .scatterlayer .trace")
        page.wait_for_timeout(500)
        weight = sum(sizes) / 1e6
        turns = range(1, SWITCHES + 1)
        state = "analysis/state.mjs"
        taken = [in_modules(page, SWITCH, state, arg=1 + turn % 5) for turn in turns]
        keys = [page.evaluate(KEY, str(1 + turn % 5)) for turn in turns]
    moved = {"switch_ms": statistics.median(taken), "key_ms": statistics.median(keys)}
    return {**found, **moved, "wire_mb": weight}


def choose(page: Page, zone: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(f"#drop-{zone}")
    chooser.value.set_files(file)


def drop(browser: Browser, address: str) -> dict[str, float]:
    """From the drop of the training set to what is said of it, and to its picture."""
    with cold(browser) as (page, _):
        page.goto(f"{address}/upload")
        choose(page, "checkpoint", DROPPED / "checkpoint.safetensors")
        page.wait_for_selector("#found-checkpoint .facts")
        page.click("[data-choice=up-activation] [data-value=tanh]")
        begun = time.perf_counter()
        choose(page, "train", DROPPED / "train.npz")
        page.wait_for_selector("#up-cost :text('The files fit')")
        fit = time.perf_counter() - begun
        page.click("#up-start")
        page.wait_for_selector(".look-map canvas")
        return {"fit_s": fit, "first_picture_s": time.perf_counter() - begun}


def compare(browser: Browser, address: str, identifiers: list[str]) -> float:
    with cold(browser) as (page, _):
        page.goto(f"{address}/compare?ids={','.join(identifiers)}")
        page.wait_for_selector("#compare-numbers table")
        begun = time.perf_counter()
        page.wait_for_selector("#scatter .scatterlayer .trace")
        page.wait_for_selector("#compare-ranking table")
        page.wait_for_selector("[data-strip] canvas")
        return time.perf_counter() - begun


def slowest_health(address: str, identifiers: list[str]) -> float:
    """While drawings that nobody has asked for yet are made.

    They are asked for by a process of its own: read by a thread of this one, they would hold this
    one's lock, and their waiting would be counted as the server's.
    """
    asked = [f"{address}/drawings/{identifier}" for identifier in identifiers]
    script = "import sys, httpx; [httpx.get(url, timeout=120) for url in sys.argv[1:]]"
    taken = []
    with httpx.Client() as client, subprocess.Popen([sys.executable, "-c", script, *asked]) as work:
        while work.poll() is None:
            begun = time.perf_counter()
            client.get(f"{address}/api/v1/health/live", timeout=120)
            taken.append(time.perf_counter() - begun)
    return 1000 * max(taken)


def speed() -> float:
    """Seconds of a fixed loop: what the machine was worth at the time; 0.09 at its best here."""
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        sum(range(6_000_000))
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def measure(browser: Browser, address: str) -> dict[str, Any]:
    items = httpx.get(f"{address}/api/v1/analyses?limit=50").json()["items"]
    identifiers = [item["id"] for item in items]
    visits = [analysis(browser, f"{address}/analyses/{name}") for name in identifiers[:RUNS]]
    found = {key: statistics.median(visit[key] for visit in visits) for key in visits[0]}
    for name in ("verdict", "complete"):
        found[f"first_visit_{name}_s"] = visits[0][f"analysis_{name}_s"]
    drops = [drop(browser, address) for _ in range(RUNS)]
    found |= {key: statistics.median(each[key] for each in drops) for key in drops[0]}
    found["list_s"] = statistics.median(first_list(browser, address) for _ in range(RUNS))
    found["health_ms"] = slowest_health(address, identifiers[RUNS : RUNS + 6])
    found["compare_20_s"] = compare(browser, address, identifiers[:MINIMA])
    return found


def main() -> None:
    load, before = os.getloadavg()[0], speed()
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder)) as address,
        chromium() as browser,
    ):
        found = measure(browser, address)
    rounded = {key: float(f"{value:.3g}") for key, value in sorted(found.items())}
    result = {
        "cores": os.cpu_count(),
        "load_before": load,
        "loop_s": [before, speed()],
        "runs": RUNS,
        **rounded,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
