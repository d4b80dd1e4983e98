"""Pictures of the pages themselves: `python -m docs.drawing.pages` (needs Chromium; a minute).

A service of its own, in a folder that is gone afterwards, shows its demo minima; a checkpoint as
people save them is dropped on *New*.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.cases.script import trained

IMAGES = Path(__file__).parents[1] / "images"
SIZE = {"width": 1440, "height": 900}
COLOURS = 256  # of a picture, rare ones kept: a clone carries every byte
PATIENCE = 180.0  # seconds for the service to answer
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-sync --no-first-run"


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """The address of a service with its demo minima."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "minimascope", "serve", "--port", str(port)]
    environment = {**os.environ, "MINIMASCOPE_DATA_DIR": str(folder)}
    running = subprocess.Popen(command, env=environment)  # noqa: S603 - the command is ours
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not _listed(address):
            time.sleep(0.5)
        yield address
    finally:
        running.terminate()
        running.wait()


def _listed(address: str) -> list[dict[str, Any]]:
    try:
        return httpx.get(f"{address}/api/v1/analyses").json()["items"]
    except (httpx.TransportError, ValueError, KeyError):
        return []


def saved(folder: Path) -> dict[str, Path]:
    """A checkpoint with its optimiser's state, and the data."""
    script = trained(torch.optim.AdamW)
    files = {each: folder / f"{each}.npz" for each in ("train", "test")}
    np.savez(files["train"], X=script.X.numpy(), y=script.y.numpy())
    np.savez(files["test"], X=script.test[0].numpy(), y=script.test[1].numpy())
    files["checkpoint"] = folder / "epoch_20.pt"
    state = {"model": script.model.state_dict(), "optimizer": script.optimizer.state_dict()}
    torch.save(state, files["checkpoint"])
    return files


def dropped(page: Page, words: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_text(words).first.click()
    chooser.value.set_files(file)
    page.get_by_text(file.name).first.wait_for()


def new(page: Page, files: dict[str, Path]) -> None:
    """The form with three files, and what they say of themselves."""
    page.goto("/upload")
    page.get_by_text("Drop a checkpoint here").wait_for()
    page.wait_for_timeout(1000)
    dropped(page, "Drop a checkpoint here", files["checkpoint"])
    dropped(page, "Training set", files["train"])
    dropped(page, "Test set, optional", files["test"])
    page.get_by_text("Read from your files").wait_for()
    page.get_by_text("Architecture", exact=True).first.evaluate(
        "heading => scrollBy(0, heading.getBoundingClientRect().top - 80)"
    )
    kept(page, "upload")


def kept(page: Page, name: str, *, full_page: bool = False) -> None:
    page.wait_for_timeout(3000)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full_page))).convert("RGB")
    path = IMAGES / f"{name}.png"
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        (folder / "files").mkdir()
        with service(folder / "data") as address:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS.split()
            )
            page = browser.new_page(base_url=address, viewport=SIZE)
            page.goto("/")
            page.get_by_text("spirals, weight decay").first.wait_for()
            kept(page, "minima", full_page=True)
            demo = next(a for a in _listed(address) if a["name"] == "spirals, weight decay")
            page.goto(f"/analyses/{demo['id']}")
            page.wait_for_selector("#detail .scatterlayer .trace")
            kept(page, "analysis")
            new(page, saved(folder / "files"))
            browser.close()


if __name__ == "__main__":
    main()
