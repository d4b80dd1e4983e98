"""How fast the analysis page is, on the real service with the demo minima.

    python benchmarks/page_speed.py          # starts `minimascope serve`, prints medians

Prints the time to the first boundary map, the time of a vector switch (200 × 200 map and
filmstrip, from the choice to Plotly's afterplot), and the bytes that came over the wire.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from minimascope.client import Client

ROOT = Path(__file__).parents[1]
SWITCHES = 30
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
QUIET += ["--disable-component-update", "--disable-sync"]
SWITCH = """async (vector) => {
  const graph = document.querySelector('#boundary .js-plotly-plot');
  const painted = new Promise((done) => graph.once('plotly_afterplot', done));
  const begun = performance.now();
  window.minimascope.set({ vector });
  await painted;
  return performance.now() - begun;
}"""
WIRE = "() => performance.getEntries().reduce((sum, e) => sum + (e.transferSize || 0), 0)"


def measure(page: Page, address: str, identifier: str) -> None:
    begun = time.perf_counter()
    page.goto(f"{address}/analyses/{identifier}")
    page.wait_for_selector("#boundary .heatmaplayer image")
    print(f"first boundary map    {time.perf_counter() - begun:.2f} s")
    page.wait_for_selector("#filmstrip canvas")
    page.wait_for_timeout(2000)
    taken = [page.evaluate(SWITCH, 1 + turn % 5) for turn in range(1, SWITCHES + 1)]
    low, middle, high = min(taken), statistics.median(taken), max(taken)
    print(
        f"vector switch         {middle:.0f} ms median ({low:.0f} to {high:.0f}), {SWITCHES} times"
    )
    print(f"over the wire         {page.evaluate(WIRE) / 1e6:.2f} MB")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "minimascope", "serve", "--port=0", f"--data={folder}"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout
            address = server.stdout.readline().split()[-1]
            with Client(address) as client:
                identifier = client.analyses().items[0].id
            with sync_playwright() as tool:
                path = shutil.which("chromium")
                browser = tool.chromium.launch(executable_path=path, args=QUIET)
                measure(browser.new_page(), address, identifier)
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
