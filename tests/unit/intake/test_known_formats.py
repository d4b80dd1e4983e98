"""What is not taken is refused by its right name, and the command in its advice works."""

from __future__ import annotations

import io
import re
import shlex
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox.tasks import perform
from minimascope.intake.values.checkpoint import read_checkpoint
from minimascope.intake.values.dataset import read_dataset


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, b"x")
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.eye(3))
    return buffer.getvalue()


# An ONNX file by hand: ir_version 8, producer_name "pytorch", a graph with one name.
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.0.0\x3a\x10\x12\x0emain_graph\0\0\0\0"
# The first bytes of each, its name, a word of its cure.
FORMATS: dict[str, tuple[bytes, str, str]] = {
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "an HDF5 file", "keras.models.load_model"),
    "gguf": (b"GGUF\x03\0\0\0" + b"\0" * 50, "a GGUF file", "GGUFReader"),
    "onnx": (ONNX, "an ONNX model", "onnx2torch.convert"),
    "onnx of other tools": (ONNX.replace(b"pytorch", b"keras2o"), "an ONNX model", "onnx2torch"),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 50, "a gzip archive", "gunzip"),
    "bzip2": (b"BZh91AY" + b"\0" * 50, "a bzip2 archive", "bunzip2"),
    "xz": (b"\xfd7zXZ\0" + b"\0" * 50, "an xz archive", "unxz"),
    "zstd": (b"\x28\xb5\x2f\xfd" + b"\0" * 50, "a Zstandard archive", "zstd -d"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "a 7-Zip archive", "7z x"),
    "rar": (b"Rar!\x1a\x07" + b"\0" * 50, "a RAR archive", "unrar"),
    "tar": (tar(), "a tar archive", "tar xf"),
    "pdf": (b"%PDF-1.7\n" + b"\0" * 50, "a PDF document", "Checkpoints"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "a PNG image", "folders of images"),
    "jpeg": (b"\xff\xd8\xff\xe0" + b"\0" * 50, "a JPEG image", "folders of images"),
    "npy": (npy(), "a single .npy array", "n.savez"),
    "matlab": (b"MATLAB 5.0 MAT-file" + b" " * 200, "a MATLAB file", "scipy.io.loadmat"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 50, "Excel", "pandas.read_excel"),
    "xlsx": (archive("xl/workbook.xml", "a.xml"), "an Excel workbook", "pandas.read_excel"),
    "feather": (b"FEA1" + b"\0" * 50, "a Feather file", "pandas.read_feather"),
    "sqlite": (b"SQLite format 3\0" + b"\0" * 50, "an SQLite database", "sqlite3.connect"),
    "tflite": (b"\x1c\0\0\0TFL3" + b"\0" * 50, "a TensorFlow Lite model", "Keras"),
    "mobile": (b"\x1c\0\0\0PTMF" + b"\0" * 50, "a TorchScript model for mobile", "state dict"),
    "executorch": (b"\x1c\0\0\0ET12" + b"\0" * 50, "an ExecuTorch program", "minimascope.export"),
    "keras": (archive("config.json", "model.weights.h5"), "a Keras model", "load_model"),
    "saved model": (archive("m/saved_model.pb"), "a TensorFlow SavedModel", "load_model"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
    "page": (b"<!doctype html><html>", "an HTML or XML page", "get the file itself"),
    "index": (b'{"metadata": {}, "weight_map": {}}', "the index of a model in shards", "zip it"),
    "json": (b'{"a": 1}', "a JSON text", "Checkpoints"),
}


@pytest.mark.parametrize("task", ["checkpoint", "dataset"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_known_format_has_its_name_and_a_cure(name: str, task: str) -> None:
    content, what, cure = FORMATS[name]
    with pytest.raises(ProblemError) as caught:
        perform(task, io.BytesIO(content), io.BytesIO(), {})
    assert caught.value.code == "unsupported_format"
    assert what in caught.value.sentence
    assert cure in caught.value.advice


def test_a_rank_of_zero_3_holds_no_weights_and_says_so(tmp_path: Path, workdir: Path) -> None:
    empty = {"0.weight": torch.empty(0), "0.bias": torch.empty(0)}
    torch.save({"module": empty, "ds_config": {}, "ds_version": "0.14"}, tmp_path / "a.pt")
    with pytest.raises(ProblemError, match="DeepSpeed ZeRO") as caught:
        read_checkpoint(tmp_path / "a.pt", workdir=workdir)
    assert caught.value.code == "part_of_a_checkpoint"
    whole = {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3)}  # ZeRO 1 and 2
    torch.save({"module": whole, "ds_config": {}, "ds_version": "0.14"}, tmp_path / "a.pt")
    assert list(read_checkpoint(tmp_path / "a.pt", workdir=workdir).tensors) == list(whole)


def run(command: str, folder: Path) -> None:
    """A command of an advice, with this Python; its file is in the folder."""
    words = shlex.split(command)
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True)


def command_in(advice: str) -> str:
    """The Python command in an advice."""
    found = re.search(r'python -c ".*?[^\\]"', advice)
    assert found
    return found[0]


def write_matlab(folder: Path) -> None:
    import scipy.io

    scipy.io.savemat(folder / "data.mat", {"X": np.eye(3), "y": np.arange(3).reshape(3, 1)})


def write_npy(folder: Path) -> None:
    np.save(folder / "X.npy", np.eye(3))
    np.save(folder / "y.npy", np.arange(3))


CURES: dict[str, tuple[Callable[[Path], None], str]] = {
    "data.mat": (write_matlab, "data.npz"),
    "X.npy": (write_npy, "data.npz"),
}


@pytest.mark.parametrize("name", CURES)
def test_the_command_of_the_advice_makes_a_file_that_is_taken(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    write, made = CURES[name]
    write(tmp_path)
    with pytest.raises(ProblemError) as caught:
        read_dataset(tmp_path / name, workdir=workdir)
    run(command_in(caught.value.advice), tmp_path)
    data = read_dataset(tmp_path / made, workdir=workdir)
    assert data.inputs.tolist() == np.eye(3).tolist()
    assert data.targets.tolist() == [0, 1, 2]


def test_a_real_database_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table data (x real, y integer)")
    with (
        (tmp_path / "a.db").open("rb") as file,
        pytest.raises(ProblemError, match="SQLite"),
    ):
        perform("dataset", file, io.BytesIO(), {})
