"""Sharded weights, images by folder and Parquet tables come back equal; what is wrong is said."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import save
from torch import nn

from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_checkpoint, inspect_dataset
from minimascope.intake.networks.architecture import build_network
from minimascope.intake.sandbox.tasks import perform
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import read_dataset

MLP = {"family": "mlp", "activation": "relu"}
NETWORK = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
STATE = NETWORK.state_dict()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def code(read: Any, path: Path, workdir: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        read(path, workdir=workdir)
    assert caught.value.sentence
    return caught.value.code


def shards(**changes: Any) -> dict[str, bytes]:
    first = {name: STATE[name] for name in ("0.weight", "0.bias")}
    second = {name: STATE[name] for name in ("2.weight", "2.bias")}
    places = dict.fromkeys(first, "model-00001-of-00002.safetensors")
    places |= dict.fromkeys(second, "model-00002-of-00002.safetensors")
    index = {"metadata": {}, "weight_map": {**places, **changes.get("places", {})}}
    return {
        "m/model-00001-of-00002.safetensors": save(first),
        "m/model-00002-of-00002.safetensors": save(second | changes.get("second", {})),
        "m/model.safetensors.index.json": json.dumps(index).encode(),
        "m/README.md": b"unread",
    }


def test_shards_are_one_checkpoint(tmp_path: Path, workdir: Path) -> None:
    path = zipped(tmp_path / "a.zip", shards())
    checkpoint = read_checkpoint(path, workdir=workdir)
    assert checkpoint.format == "safetensors"
    x = torch.randn(4, 3)
    assert torch.equal(build_network(checkpoint, MLP)(x), NETWORK(x))
    assert inspect_checkpoint(path, workdir=workdir)["suggested"]


@pytest.mark.parametrize(
    "change",
    [
        {"places": {"3.weight": "model-00001-of-00002.safetensors"}},
        {"places": {"0.weight": "model-00002-of-00002.safetensors"}},
        {"places": {"0.weight": "../../etc/passwd"}},
        {"second": {"0.weight": torch.zeros(5, 3)}},
        {"second": {"extra": torch.zeros(1)}},
    ],
)
def test_an_index_that_disagrees_with_its_shards_is_damage(
    tmp_path: Path, workdir: Path, change: dict[str, Any]
) -> None:
    assert (
        code(read_checkpoint, zipped(tmp_path / "a", shards(**change)), workdir) == "file_damaged"
    )


@pytest.mark.parametrize("shards", [1, 2])
def test_an_older_hub_folder_of_pytorch_model_bin_is_taken(
    tmp_path: Path, workdir: Path, shards: int
) -> None:
    names = list(STATE)
    parts = {"m/pytorch_model.bin": STATE}
    if shards == 2:
        halves = (names[:2], names[2:])
        leaves = [f"pytorch_model-0000{place}-of-00002.bin" for place in (1, 2)]
        parts = {
            f"m/{leaf}": {n: STATE[n] for n in half}
            for leaf, half in zip(leaves, halves, strict=True)
        }
    files = {}
    for name, part in parts.items():
        buffer = io.BytesIO()
        torch.save(part, buffer)
        files[name] = buffer.getvalue()
    if shards == 2:
        places = {n: leaf for leaf, half in zip(leaves, halves, strict=True) for n in half}
        files["m/pytorch_model.bin.index.json"] = json.dumps({"weight_map": places}).encode()
    path = zipped(tmp_path / "a.zip", files)
    x = torch.randn(4, 3)
    assert torch.equal(build_network(read_checkpoint(path, workdir=workdir), MLP)(x), NETWORK(x))
    with path.open("rb") as file, pytest.raises(ProblemError) as caught:
        perform("checkpoint", file, io.BytesIO(), {"torch_files": "refused"})
    assert caught.value.code == "torch_file_refused"


def test_weights_of_two_models_in_one_zip_are_refused(tmp_path: Path, workdir: Path) -> None:
    files = {"a/model.safetensors": save(STATE), "b/model.safetensors": save(STATE)}
    assert code(read_checkpoint, zipped(tmp_path / "a", files), workdir) == "not_a_checkpoint"


def picture(values: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def pictures(shape: tuple[int, ...], count: int = 3) -> list[np.ndarray]:
    chance = np.random.default_rng(0)
    return [chance.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def test_images_are_channels_first_divided_by_255_with_folders_as_classes(
    tmp_path: Path, workdir: Path
) -> None:
    grey, colour = pictures((6, 5)), pictures((6, 5, 3))
    names = ["dog/1.png", "cat/1.png", "cat/2.png"]
    path = zipped(
        tmp_path / "a.zip", {f"train/{n}": picture(v) for n, v in zip(names, grey, strict=True)}
    )
    data = read_dataset(path, workdir=workdir)
    assert data.names == ["cat", "dog"]
    assert data.targets.tolist() == [0, 0, 1]
    expected = np.stack([grey[1], grey[2], grey[0]])[:, None].astype(np.float32) / 255
    assert torch.equal(data.inputs, torch.from_numpy(expected))
    assert "divided by 255" in data.warnings[0]
    path = zipped(tmp_path / "b.zip", {n: picture(v) for n, v in zip(names, colour, strict=True)})
    assert read_dataset(path, workdir=workdir).inputs.shape == (3, 3, 6, 5)
    assert inspect_dataset(path, workdir=workdir)["class_counts"] == {"0": 2, "1": 1}


def test_images_of_several_sizes_are_refused_with_what_resizes_them(
    tmp_path: Path, workdir: Path
) -> None:
    files = {
        "a/1.png": picture(np.zeros((4, 4), np.uint8)),
        "b/2.png": picture(*pictures((8, 9), 1)),
    }
    with pytest.raises(ProblemError, match="9 × 8 pixels, the first has 4 × 4") as caught:
        read_dataset(zipped(tmp_path / "a", files), workdir=workdir)
    assert caught.value.code == "sizes_differ"
    assert "--resize 64x64" in caught.value.advice
    assert "9 × 8 pixels" in inspect_dataset(tmp_path / "a", workdir=workdir)["warnings"][0]
    folder = tmp_path / "images"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
    code = caught.value.advice.split('python -c "')[1].removesuffix('"')
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    again = {name: (folder / name).read_bytes() for name in files}
    data = read_dataset(zipped(tmp_path / "b", again), workdir=workdir)
    assert data.inputs.shape == (2, 1, 64, 64)


def test_images_are_resized_as_torchvision_does_where_a_person_says_so(
    tmp_path: Path, workdir: Path
) -> None:
    own = [*pictures((8, 9, 3), 1), *pictures((20, 7, 3), 1)]
    files = {f"a/{place}.png": picture(each) for place, each in enumerate(own)}
    data = read_dataset(zipped(tmp_path / "a", files), workdir=workdir, resize="6x5")
    way = PIL.Image.Resampling.BILINEAR
    smaller = [PIL.Image.fromarray(each).resize((5, 6), way) for each in own]
    expected = np.stack([np.asarray(each, np.float32).transpose(2, 0, 1) / 255 for each in smaller])
    assert np.array_equal(data.inputs.numpy(), expected)
    assert "2 sizes of images resized to 6 × 5" in " ".join(data.warnings)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1.png": picture(np.zeros((4, 4), np.uint8))}, "not_a_dataset"),
        ({"a/1.png": b"not an image"}, "file_damaged"),
        ({"a/1.png": picture(np.zeros((4, 2000), np.uint8))}, "not_a_dataset"),
        ({"a/1.png": picture(np.zeros((9000, 9000), np.uint8))}, "not_a_dataset"),
        ({"a/1.png": b"%!PS-Adobe-3.0 EPSF-3.0\n"}, "file_damaged"),
        ({"a/1.png": picture(np.zeros((4, 4), np.uint8))[:40]}, "file_damaged"),
    ],
    ids=["no folder", "no image", "large", "bomb", "postscript", "truncated"],
)
def test_images_that_cannot_be_used_are_refused(
    tmp_path: Path, workdir: Path, files: dict[str, bytes], expected: str
) -> None:
    assert code(read_dataset, zipped(tmp_path / "a", files), workdir) == expected


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def test_parquet_tables_give_the_same_data_as_arrays(tmp_path: Path, workdir: Path) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 20))
    path = parquet(tmp_path / "a", a=a, y=np.arange(20) % 3, b=b)
    data = read_dataset(path, workdir=workdir)
    assert torch.equal(data.inputs, torch.from_numpy(np.stack([a, b], axis=1)))
    assert data.targets.tolist() == [i % 3 for i in range(20)]
    texts = read_dataset(parquet(tmp_path / "b", a=[1.0, 2.0], label=["x", "w"]), workdir=workdir)
    assert texts.names == ["w", "x"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": [1.0], "b": [2.0]}, "label_missing"),
        ({"a": ["red"], "y": [0]}, "not_a_dataset"),
        ({"a": [1.0, None], "y": [0, 1]}, "not_a_dataset"),
        ({"a": [[1.0, 2.0], [1.0]], "y": [0, 1]}, "not_a_dataset"),
        ({"a": [[1.0, 2.0]], "b": [[1.0, 2.0]], "y": [0]}, "not_a_dataset"),
        ({"y": [0, 1]}, "not_a_dataset"),
        ({"a": [float("nan")], "y": [0]}, "nan_data"),
    ],
)
def test_parquet_tables_that_cannot_be_used_are_refused(
    tmp_path: Path, workdir: Path, columns: dict[str, Any], expected: str
) -> None:
    assert code(read_dataset, parquet(tmp_path / "a", **columns), workdir) == expected


@pytest.mark.parametrize(
    ("module", "package", "expected"),
    [
        ("minimascope.intake.datasets.image_archive", "PIL.Image", "pillow_missing"),
        ("minimascope.intake.datasets.parquet_file", "pyarrow", "pyarrow_missing"),
    ],
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str, expected: str
) -> None:
    import importlib

    monkeypatch.setitem(sys.modules, package, None)
    reader = importlib.import_module(module)
    with pytest.raises(ProblemError, match="not installed") as caught:
        (reader._pillow if expected == "pillow_missing" else reader._arrow)()
    assert caught.value.code == expected
    assert "pip install" in caught.value.advice
