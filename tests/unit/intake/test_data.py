"""Data sets of every format come back equal; what cannot be used is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_dataset
from minimascope.intake.sandbox.parser_process import Limits, parse
from minimascope.intake.values.dataset import Dataset, read_dataset
from minimascope.objective.named import LOSSES

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = np.arange(10) % 3


def written(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


def code(path: Path, workdir: Path) -> str:
    with pytest.raises(ProblemError) as caught:
        read_dataset(path, workdir=workdir)
    return caught.value.code


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_arrays_come_back_equal(tmp_path: Path, workdir: Path, save: Any) -> None:
    save(tmp_path / "a.npz", X=np.asfortranarray(X), y=Y.astype(">i4"))
    data = read_dataset(tmp_path / "a.npz", workdir=workdir)
    assert torch.equal(data.inputs, torch.from_numpy(X))
    assert torch.equal(data.targets, torch.from_numpy(Y))
    assert data.warnings == []
    assert list(workdir.iterdir()) == []


def test_other_names_are_taken_and_told(tmp_path: Path, workdir: Path) -> None:
    data = read_dataset(written(tmp_path / "a", inputs=X, labels=Y), workdir=workdir)
    assert len(data.targets) == 10
    told = {each["part"].split("'")[1]: each["words"] for each in data.taken}
    assert told == {"inputs": "an input", "labels": "the labels"}
    assert data.warnings == []


def test_safetensors_and_csv_give_the_same_data(tmp_path: Path, workdir: Path) -> None:
    save_file({"X": torch.from_numpy(X), "y": torch.from_numpy(Y)}, tmp_path / "a")
    rows = [f"{a!r},{b!r},{k},{c!r}" for (a, b, c), k in zip(X.tolist(), Y.tolist(), strict=True)]
    (tmp_path / "b").write_text("\n".join(["a,b,Label,c", *rows]))
    tensors = read_dataset(tmp_path / "a", workdir=workdir)
    table = read_dataset(tmp_path / "b", workdir=workdir)
    assert torch.equal(tensors.inputs, torch.from_numpy(X))
    assert torch.equal(table.inputs, torch.from_numpy(X).double())
    assert torch.equal(tensors.targets, table.targets)


def test_text_labels_are_numbered_in_alphabetical_order(tmp_path: Path, workdir: Path) -> None:
    (tmp_path / "a.csv").write_text("w,h,target\n1,2,dog\n3,4,cat\n5,6,dog\n")
    data = read_dataset(tmp_path / "a.csv", workdir=workdir)
    assert data.names == ["cat", "dog"]
    assert data.targets.tolist() == [1, 0, 1]


def test_whole_number_inputs_become_floats_with_a_warning_or_stay_ids(
    tmp_path: Path, workdir: Path
) -> None:
    path = written(tmp_path / "a", X=np.full((4, 2), 255, dtype=np.uint8), y=np.zeros(4))
    data = read_dataset(path, workdir=workdir)
    assert data.inputs.dtype == torch.float32
    assert "not rescaled" in data.warnings[0]
    assert read_dataset(path, workdir=workdir, integers="keep").inputs.dtype == torch.int64


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"X": X}, "dataset_missing_arrays"),
        ({"foo": X, "bar": Y}, "dataset_missing_arrays"),
        ({"X": X[:0], "y": Y[:0]}, "empty_data"),
        ({"X": X, "y": Y[:5]}, "not_a_dataset"),
        ({"X": np.where(X > 1, np.nan, X), "y": Y}, "nan_data"),
        ({"X": X, "y": np.full(10, np.nan)}, "nan_data"),
        ({"X": np.array(["a"] * 10), "y": Y}, "not_a_dataset"),
        ({"X": X.astype(complex), "y": Y}, "not_a_dataset"),
    ],
)
def test_unusable_arrays_have_their_codes(
    tmp_path: Path, workdir: Path, arrays: dict[str, Any], expected: str
) -> None:
    assert code(written(tmp_path / "a.npz", **arrays), workdir) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not_a_dataset"),
        (b"a,b\n1,2\n", "label_missing"),
        (b"a,y\n1,2,3\n", "not_a_dataset"),
        (b"a,y\nfoo,2\n", "not_a_dataset"),
        (b"a,y\nnan,2\n", "nan_data"),
        (bytes(range(1, 256)) * 10, "not_a_dataset"),
        (b"<html></html>", "unsupported_format"),
    ],
)
def test_texts_that_are_no_table_have_their_codes(
    tmp_path: Path, workdir: Path, content: bytes, expected: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert code(tmp_path / "a.csv", workdir) == expected


def test_a_checkpoint_is_not_a_dataset_and_the_other_way(tmp_path: Path, workdir: Path) -> None:
    torch.save({"w.weight": torch.ones(2)}, tmp_path / "a.pt")
    assert code(tmp_path / "a.pt", workdir) == "not_a_dataset"


def test_an_array_claiming_more_than_it_holds_is_damage(tmp_path: Path, workdir: Path) -> None:
    path = written(tmp_path / "a.npz", X=X, y=Y)
    path.write_bytes(path.read_bytes().replace(b"(10, 3)", b"(9e, 3)"))
    assert code(path, workdir) == "file_damaged"


def test_an_array_bomb_is_refused(tmp_path: Path, workdir: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((1 << 27, 1), np.uint8), y=Y)
    assert (tmp_path / "a.npz").stat().st_size < 1 << 20
    assert code(tmp_path / "a.npz", workdir) == "deflate_bomb"


@pytest.mark.parametrize(("kind", "times"), [("uint8", 7), ("float32", 3), ("float64", 3)])
def test_reading_images_takes_little_more_memory_than_they_have(
    tmp_path: Path, kind: str, times: int
) -> None:
    """A file of 24 MiB, `times` as much memory: uint8 becomes four times as large, float32 none."""
    images = np.arange((24 << 20) // np.dtype(kind).itemsize) % 251
    images = images.astype(kind).reshape(1024, -1)
    path = written(tmp_path / "d.npz", X=images, y=np.arange(1024) % 10)
    found = parse("dataset", path, output=None, limits=Limits(memory_bytes=times * (24 << 20)))
    assert found["range"] == [0.0, 250.0]
    wide = images.astype(np.float64)
    said = f"mean {wide.mean():.3g}, standard deviation {wide.std():.3g}"
    assert said in found["scale"]


def test_targets_follow_the_loss() -> None:
    inputs = torch.zeros(3, 2)
    floats = Dataset(inputs, torch.tensor([0.0, 1.0, 2.0]))
    assert floats.for_loss(LOSSES["cross_entropy"]).targets.tolist() == [0, 1, 2]
    assert floats.for_loss(LOSSES["mse"]).targets.shape == (3, 1)
    one_hot = Dataset(inputs, torch.eye(3)[[2, 0, 1]])
    assert one_hot.for_loss(LOSSES["cross_entropy"]).targets.tolist() == [2, 0, 1]
    whole = Dataset(inputs, torch.tensor([0, 1, 2]))
    assert whole.for_loss(LOSSES["mse"]).targets.dtype == torch.float32
    with pytest.raises(ProblemError, match=r"y\[1\] = 0.5") as caught:
        Dataset(inputs, torch.tensor([0.0, 0.5, 2.0])).for_loss(LOSSES["binary"])
    assert caught.value.code == "labels_not_integer"


def test_an_inspection_counts_the_classes(tmp_path: Path, workdir: Path) -> None:
    found = inspect_dataset(written(tmp_path / "a", X=X, y=Y), workdir=workdir)
    assert found["n"] == 10
    assert found["input_shape"] == [3]
    assert found["class_counts"] == {"0": 4, "1": 3, "2": 3}
    assert found["range"] == [float(X.min()), float(X.max())]
    assert list(workdir.iterdir()) == []


def test_of_ids_of_tokens_no_mean_is_told(tmp_path: Path, workdir: Path) -> None:
    ids = np.arange(40).reshape(10, 4)
    path = written(tmp_path / "a.npz", input_ids=ids, attention_mask=np.ones_like(ids), labels=Y)
    found = inspect_dataset(path, workdir=workdir)
    assert found["scale"] == "none: ids of tokens, used as they are"
    assert not [each for each in found["warnings"] if "not rescaled" in each]
