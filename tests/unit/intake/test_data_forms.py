"""Data as Keras, MedMNIST, torchvision, `datasets` and scripts save them: one meaning each."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow
import pyarrow.parquet
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from minimascope.contract.objective import ObjectiveParameters
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import parquet_file
from minimascope.intake.datasets.layout import lay_out
from minimascope.intake.networks.fitting import fitted
from minimascope.intake.networks.huggingface import Classifier
from minimascope.intake.values.dataset import Dataset, read_dataset

CHANCE = np.random.default_rng(0)
X, Y = CHANCE.normal(size=(6, 4)).astype(np.float32), np.arange(6) % 3
XT, YT = X[:3] + 1, Y[:3]
TX, TY = torch.from_numpy(X), torch.from_numpy(Y)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def saved(value: Any, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def csv(x: np.ndarray, y: np.ndarray) -> bytes:
    rows = [",".join(map(str, [*row, k])) for row, k in zip(x.tolist(), y, strict=True)]
    return "\n".join(["a,b,c,d,label", *rows]).encode()


def arrow(table: pyarrow.Table, kind: str) -> bytes:
    sink = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, sink)
        return sink.getvalue()
    new = pyarrow.ipc.new_file if kind == "file" else pyarrow.ipc.new_stream
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def listed(x: np.ndarray, y: np.ndarray) -> pyarrow.Table:
    return pyarrow.table({"features": x.tolist(), "label": y})


BOTH: dict[str, Callable[[], bytes]] = {
    "Keras": lambda: npz(x_train=X, y_train=Y, x_test=XT, y_test=YT),
    "MedMNIST": lambda: npz(
        train_images=X,
        train_labels=Y[:, None],
        test_images=XT,
        test_labels=YT[:, None],
        val_images=X[:2],
        val_labels=Y[:2, None],
    ),
    "capital": lambda: npz(X_train=X, Y_train=Y, X_test=XT, Y_test=YT),
    "a table of splits": lambda: saved({"train": (TX, TY), "test": (TX[:3] + 1, TY[:3])}),
    "datasets of splits": lambda: saved(
        {"train": TensorDataset(TX, TY), "test": TensorDataset(TX[:3] + 1, TY[:3])}
    ),
    "named tensors": lambda: saved(
        {"train_x": TX, "train_y": TY, "test_x": TX[:3] + 1, "test_y": TY[:3]}
    ),
    "tables by name": lambda: zipped({"d/train.csv": csv(X, Y), "d/test.csv": csv(XT, YT)}),
    "datasets on disk": lambda: zipped(
        {
            "train/data-00000-of-00002.arrow": arrow(listed(X[:3], Y[:3]), "stream"),
            "train/data-00001-of-00002.arrow": arrow(listed(X[3:], Y[3:]), "stream"),
            "test/data-00000-of-00001.arrow": arrow(listed(XT, YT), "stream"),
            "train/state.json": b"{}",
        }
    ),
    "the hub's parquet": lambda: zipped(
        {
            "data/train-00000-of-00001.parquet": arrow(listed(X, Y), "parquet"),
            "data/validation-00000-of-00001.parquet": arrow(listed(XT, YT), "parquet"),
        }
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_each_split_of_one_file_serves_its_purpose(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    (tmp_path / "a").write_bytes(BOTH[name]())
    train = read_dataset(tmp_path / "a", workdir=workdir)
    test = read_dataset(tmp_path / "a", workdir=workdir, role="test")
    assert torch.equal(train.inputs.float(), TX)
    assert train.targets.tolist() == Y.tolist()
    assert torch.allclose(test.inputs.float(), torch.from_numpy(XT))
    assert test.targets.tolist() == YT.tolist()
    assert any(not row["taken"] for row in train.taken)
    assert "For the training set" in " ".join(train.warnings)


@pytest.mark.parametrize(
    "content",
    [npz(x_train=X, y_train=Y), zipped({"train/a.csv": csv(X, Y)})],
    ids=["arrays", "tables"],
)
def test_a_file_of_training_data_is_no_test_set(
    tmp_path: Path, workdir: Path, content: bytes
) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ProblemError, match="for train, none for the test set") as caught:
        read_dataset(tmp_path / "a", workdir=workdir, role="test")
    assert caught.value.code == "split_missing"
    read_dataset(tmp_path / "a", workdir=workdir)


ONE: dict[str, Callable[[], bytes]] = {
    "pair": lambda: saved((TX, TY)),
    "legacy pair": lambda: saved((TX, TY), legacy=True),
    "table": lambda: saved({"data": TX, "targets": TY}),
    "targets as a list": lambda: saved({"data": TX, "targets": Y.tolist()}),
    "TensorDataset": lambda: saved(TensorDataset(TX, TY)),
    "list of examples": lambda: saved([(x, int(y)) for x, y in zip(TX, TY, strict=True)]),
    "bfloat16": lambda: saved((TX.bfloat16(), TY)),
    "arrow stream": lambda: arrow(listed(X, Y), "stream"),
    "arrow file": lambda: arrow(listed(X, Y), "file"),
    "parquet of lists": lambda: arrow(listed(X, Y), "parquet"),
    "one-hot": lambda: npz(X=X, y=np.eye(3)[Y]),
    "labels as floats": lambda: npz(X=X, y=Y.astype(np.float32)),
    "texts": lambda: npz(X=X, y=np.array(["ant", "bee", "cow"])[Y]),
    "one table in a zip": lambda: zipped({"a/data.csv": csv(X, Y), "a/README.md": b"."}),
    "arrays in a zip": lambda: zipped({"a/data.npz": npz(X=X, y=Y), "a/x.txt": b"."}),
}


@pytest.mark.parametrize("name", ONE)
def test_every_form_has_the_same_meaning(tmp_path: Path, workdir: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(ONE[name]())
    data = read_dataset(tmp_path / "a", workdir=workdir)
    found = fitted(nn.Linear(4, 3), data, None, ObjectiveParameters()).train
    assert torch.allclose(found.inputs.float(), TX, atol=0.02 if name == "bfloat16" else 0)
    assert found.targets.tolist() == Y.tolist()


NO_DATA = {
    "three tensors": lambda: saved((TX, TY, TX)),
    "one tensor": lambda: saved(TX),
    "numbers": lambda: saved({"epoch": 3}),
    "several tables": lambda: zipped({"a.csv": csv(X, Y), "b.csv": csv(X, Y)}),
    "lists of several lengths": lambda: arrow(
        pyarrow.table({"input_ids": [[1], [1, 2]], "label": [0, 1]}), "stream"
    ),
}


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_open_is_refused_with_what_to_save(
    tmp_path: Path, workdir: Path, name: str
) -> None:
    (tmp_path / "a").write_bytes(NO_DATA[name]())
    with pytest.raises(ProblemError) as caught:
        read_dataset(tmp_path / "a", workdir=workdir)
    assert caught.value.code == "not_a_dataset"
    assert caught.value.advice


def images(shape: tuple[int, ...], count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        buffer = io.BytesIO()
        PIL.Image.fromarray(CHANCE.integers(0, 256, shape, dtype=np.uint8)).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return found


@pytest.mark.parametrize("role", ["train", "test"])
def test_folders_of_splits_are_kept_apart(tmp_path: Path, workdir: Path, role: Any) -> None:
    pictures = images((4, 5, 3), 6)
    names = ["train/cat/0", "train/dog/0", "train/dog/1", "val/cat/0", "val/dog/0", "test/0"]
    files = {f"pets/{n}.png": p for n, p in zip(names, pictures, strict=True)}
    (tmp_path / "a").write_bytes(zipped(files))
    data = read_dataset(tmp_path / "a", workdir=workdir, role=role)
    assert len(data.inputs) == (3 if role == "train" else 2)
    assert data.names == ["cat", "dog"]
    rows = {row["part"]: row["taken"] for row in data.taken}
    assert rows["2 images under validation"] is (role == "test")
    assert rows["3 images under train"] is (role == "train")
    assert rows["1 images"] is False  # in no folder of a class


def test_images_of_a_dataset_with_names_of_its_classes(tmp_path: Path, workdir: Path) -> None:
    features = {"label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}}
    column = [{"bytes": content, "path": None} for content in images((3, 4), 4)]
    table = pyarrow.table({"image": column, "label": [0, 1, 1, 0], "note": list("abcd")})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "a").write_bytes(arrow(table.replace_schema_metadata(metadata), "stream"))
    data = read_dataset(tmp_path / "a", workdir=workdir)
    assert data.inputs.shape == (4, 1, 3, 4)
    assert (data.targets.tolist(), data.names) == ([0, 1, 1, 0], ["zebra", "ant"])
    assert any("'note'" in row["part"] and not row["taken"] for row in data.taken)


CONVOLUTION = nn.Sequential(nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(2 * 3 * 4, 3))
GREY = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(2 * 3 * 4, 3))


@pytest.mark.parametrize(
    ("network", "given", "turned"),
    [
        (CONVOLUTION, (4, 5, 3), lambda x: x.permute(0, 3, 1, 2)),
        (GREY, (4, 5), lambda x: x[:, None]),
        (GREY, (4, 5, 1), lambda x: x.permute(0, 3, 1, 2)),
    ],
)
def test_channels_go_where_torch_has_them(network: nn.Module, given: Any, turned: Any) -> None:
    inputs = torch.randn(6, *given, generator=torch.Generator().manual_seed(0))
    found = fitted(network, Dataset(inputs, TY), None, ObjectiveParameters())
    assert torch.equal(found.train.inputs, turned(inputs))
    assert f"Inputs of shape {list(given)}" in " ".join(found.train.warnings)


@pytest.mark.parametrize("by", [1, 255])
def test_bytes_are_tried_both_ways(tmp_path: Path, workdir: Path, by: int) -> None:
    pixels = CHANCE.integers(0, 256, (60, 4), dtype=np.uint8)
    weight = torch.eye(3, 4) * (40 if by == 255 else 0.2)
    network = nn.Linear(4, 3, bias=False)
    network.weight = nn.Parameter(weight)
    labels = (torch.from_numpy(pixels).float() / by @ weight.T).argmax(1).numpy()
    (tmp_path / "a").write_bytes(npz(X=pixels, y=labels))
    data = read_dataset(tmp_path / "a", workdir=workdir)
    wide = nn.Sequential(network, nn.Hardtanh(-50, 50))  # so that large inputs are no better
    found = fitted(wide, data, data, ObjectiveParameters())
    assert found.test is not None
    assert found.train.inputs.max() == found.test.inputs.max() == pixels.max() / by
    assert "Inputs are bytes" in " ".join(found.train.warnings)


@pytest.mark.parametrize("loss", ["binary", "cross_entropy"])
def test_labels_of_minus_one_and_one_are_two_classes(loss: Any) -> None:
    data = Dataset(TX, torch.tensor([-1, 1, 1, -1, 1, 1]))
    network = nn.Linear(4, 1 if loss == "binary" else 2)
    found = fitted(network, data, None, ObjectiveParameters(loss=loss))
    assert found.train.targets.tolist() == [0, 1, 1, 0, 1, 1]
    assert "−1 and 1" in " ".join(found.train.warnings)


def test_token_ids_go_with_their_mask(tmp_path: Path, workdir: Path) -> None:
    import transformers

    torch.manual_seed(0)
    shape = {"vocab_size": 20, "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8}
    config = transformers.DistilBertConfig(**shape, num_labels=3, max_position_embeddings=8)
    model = transformers.DistilBertForSequenceClassification(config).eval()
    ids = torch.tensor([[3, 4, 5, 0], [6, 7, 0, 0], [3, 9, 8, 2]])
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    columns = {"input_ids": ids.tolist(), "attention_mask": mask.tolist(), "labels": [0, 1, 2]}
    network = Classifier(model, "input_ids")
    for kind in ("parquet", "npz"):
        arrays = {name: np.array(each) for name, each in columns.items()}
        content = arrow(pyarrow.table(columns), kind) if kind == "parquet" else npz(**arrays)
        (tmp_path / "a").write_bytes(content)
        data = read_dataset(tmp_path / "a", workdir=workdir, integers="keep")
        with torch.no_grad():
            expected = model(input_ids=ids, attention_mask=mask).logits
            assert torch.allclose(network(data.inputs), expected, atol=1e-6)
        fitted(network, data, None, ObjectiveParameters())
    with torch.no_grad():  # without a mask, pads at the ends are masked
        padded = model(input_ids=ids, attention_mask=(ids != 0).long()).logits
        assert torch.allclose(network(ids), padded, atol=1e-6)


def test_token_ids_without_labels_are_their_own_but_for_padding() -> None:
    ids = np.array([[5, 7, 9], [6, 8, 0]])
    mask = np.array([[1, 1, 1], [1, 1, 0]])
    laid = lay_out({"input_ids": ids, "attention_mask": mask}, integers="keep")
    assert laid.targets.tolist() == [[5, 7, 9], [6, 8, -100]]
    assert any("no labels beside 'input_ids'" in each for each in laid.summary["warnings"])
    told = lay_out({"input_ids": ids, "labels": np.array([0, 1])}, integers="keep")
    assert told.targets.tolist() == [0, 1]
    with pytest.raises(ProblemError, match="need arrays 'X' and 'y'"):
        lay_out({"X": ids})


def test_a_table_of_token_ids_alone_needs_no_labels(tmp_path: Path) -> None:
    table = pyarrow.table({"input_ids": [[5, 7], [6, 8]], "attention_mask": [[1, 1], [1, 0]]})
    path = tmp_path / "tokens.arrow"
    path.write_bytes(arrow(table, "file"))
    with path.open("rb") as source:
        found = parquet_file.read(source)
    assert lay_out(found.arrays, integers="keep").targets.tolist() == [[5, 7], [6, -100]]
