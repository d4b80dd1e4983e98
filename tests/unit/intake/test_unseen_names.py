"""Characters that cannot be seen reach nobody, from whatever format the name comes."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from minimascope.contract.names import UNSEEN, all_visible, visible
from minimascope.contract.problems import ProblemError
from minimascope.intake.values.checkpoint import convert_checkpoint
from minimascope.intake.values.dataset import convert_dataset

UNSEEN_NAMES = [
    "a\0b",
    "\u202egpj.exe",
    "\u2066a",
    "a\u200e",
    "\ud800",
    "a\nb",
    "\x1b[31mb",
    "\x9b1m",
]


def safetensors(path: Path, name: str) -> Path:
    """As a stranger's program may write it: names are JSON, which can hold half a pair."""
    header = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", 1.0))
    return path


def torch_file(path: Path, name: str) -> Path:
    torch.save({name: torch.ones(1)}, path)
    return path


@pytest.mark.parametrize("name", UNSEEN_NAMES, ids=ascii)
@pytest.mark.parametrize("made", [safetensors, torch_file])
def test_a_tensor_whose_name_cannot_be_seen_is_refused(
    tmp_path: Path, made: Callable[[Path, str], Path], name: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        convert_checkpoint(made(tmp_path / "a", name), output=None)
    said = json.dumps(caught.value.as_dict(), ensure_ascii=False)
    assert not UNSEEN.search(said)
    said.encode()


def image_zip(path: Path, names: list[str]) -> Path:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("L", (4, 4)).save(picture, "png")
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            for number in range(2):
                archive.writestr(f"{name}/{number}.png", picture.getvalue())
    return path


def test_labels_columns_and_folders_are_written_out(tmp_path: Path) -> None:
    table, folders = tmp_path / "a.csv", tmp_path / "a.zip"
    table.write_text("x,y\n1,cat\u202e\n2,dog\n3,cat\u202e\n", encoding="utf-8")
    image_zip(folders, ["cat\u202e", "dog"])
    for path in (table, folders):
        found = convert_dataset(path, output=None, label=None)
        assert found["names"] == ["cat\\u202e", "dog"]
        assert not UNSEEN.search(json.dumps(found, ensure_ascii=False))
    unlabelled = tmp_path / "b.csv"
    unlabelled.write_text("x,\u2067z\n1,2\n", encoding="utf-8")
    found = convert_dataset(unlabelled, output=None, label=None, unlabelled="told")
    assert [each["name"] for each in found["columns"]] == ["x", "\\u2067z"]
    # It is chosen by the name that is shown.
    found = convert_dataset(unlabelled, output=None, label="\\u2067z")
    assert found["class_counts"] == {"2": 1}


def test_what_can_be_seen_stays_as_it_is() -> None:
    seen = {"größe": ["北京", "שלום", "<b>", "\u200b", 3, None, 2.5]}
    assert all_visible(seen) == seen
    assert visible("a\0\ud800") == "a\\u0000\\ud800"
