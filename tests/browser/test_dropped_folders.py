"""Folders dropped on the upload page arrive as one file, which the intake reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect
from safetensors.torch import save_file

from minimascope.intake.sandbox.tasks import perform
from tests.servers.recorded import Recorded

STATE = {"0.weight": torch.arange(12.0).reshape(3, 4), "0.bias": torch.ones(3)}


def drop(page: Page, zone: str, *paths: Path) -> None:
    """As a person would from the file manager, by the browser's own protocol."""
    box = page.locator(f"#drop-{zone}").bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + 30, "y": box["y"] + 30, "data": data}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at})


def arrived(recorded: Recorded, page: Page, zone: str, name: str) -> bytes:
    """What the server stored of the zone's upload."""
    place = page.locator(f"#drop-{zone}")
    expect(place).to_have_attribute("data-state", "done")
    expect(place.locator(".drop-name")).to_have_text(name)
    kept = [path for path in (recorded.folder / "data").rglob("*") if path.is_file()]
    newest = max((path for path in kept if len(path.name) == 64), key=lambda p: p.stat().st_mtime)
    return newest.read_bytes()


@pytest.fixture
def upload(page: Page) -> Page:
    page.goto("/upload")
    page.wait_for_selector("#drop-checkpoint[data-state=idle]")
    return page


def test_a_folder_of_save_pretrained_is_packed(
    upload: Page, recorded: Recorded, tmp_path: Path
) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    save_file(STATE, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (folder / "README.md").write_text("no weights")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.json").write_text("{}")
    drop(upload, "checkpoint", folder)
    content = arrived(recorded, upload, "checkpoint", "my model.zip")
    found, tensors = _checkpoint(content, tmp_path)
    assert found["format"] == "huggingface"
    assert found["config"] == {"model_type": "bert"}
    assert torch.equal(tensors["0.weight"], STATE["0.weight"])


def _checkpoint(content: bytes, folder: Path) -> tuple[dict[str, object], dict[str, torch.Tensor]]:
    from safetensors.torch import load

    (folder / "sent.zip").write_bytes(content)
    with (folder / "sent.zip").open("rb") as source, (folder / "out").open("w+b") as output:
        found = perform("checkpoint", source, output, {})
    return found, load((folder / "out").read_bytes())


def test_folders_of_images_and_several_files(
    upload: Page, recorded: Recorded, tmp_path: Path
) -> None:
    for place in range(6):
        path = tmp_path / "pets" / ("cat", "dog")[place % 2] / f"ä{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 4), place, np.uint8)).save(path)
    drop(upload, "train", tmp_path / "pets")
    (tmp_path / "sent.zip").write_bytes(arrived(recorded, upload, "train", "pets.zip"))
    with (tmp_path / "sent.zip").open("rb") as source, (tmp_path / "out").open("w+b") as output:
        found = perform("dataset", source, output, {})
    assert (found["n"], found["names"]) == (6, ["cat", "dog"])
    drop(upload, "test", tmp_path / "pets" / "cat", tmp_path / "pets" / "dog")
    (tmp_path / "sent.zip").write_bytes(arrived(recorded, upload, "test", "files.zip"))
    with (tmp_path / "sent.zip").open("rb") as source, (tmp_path / "out").open("w+b") as output:
        assert perform("dataset", source, output, {})["names"] == ["cat", "dog"]


def test_what_is_no_one_file_is_said_at_the_zone(upload: Page, tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        torch.save(STATE, tmp_path / name)
    (tmp_path / "empty").mkdir()
    drop(upload, "checkpoint", tmp_path)
    zone = upload.locator("#drop-checkpoint")
    expect(zone).to_contain_text("The folder holds 2 checkpoints: a.pt, b.pt.")
    drop(upload, "train", tmp_path / "empty")
    expect(upload.locator("#drop-train")).to_contain_text("holds no images and no tables")
    drop(upload, "checkpoint", tmp_path / "a.pt")
    expect(zone).to_have_attribute("data-state", "done")
    expect(zone.locator(".drop-name")).to_have_text("a.pt")
