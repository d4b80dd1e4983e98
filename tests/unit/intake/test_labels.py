"""Labels by any name: one column of a table is taken as told, and numbered once for both splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.inspection import inspect_dataset
from minimascope.intake.values.dataset import Dataset, read_dataset

COLUMNS: dict[str, Any] = {
    "sepal": [5.1, 4.9, 6.3, 5.8],
    "species": ["virginica", "setosa", "setosa", "setosa"],
    "petal": [1.4, 1.3, 6.0, 5.1],
}
NUMBERS = torch.tensor([[5.1, 1.4], [4.9, 1.3], [6.3, 6.0], [5.8, 5.1]]).double()


def csv(path: Path) -> Path:
    rows = zip(*COLUMNS.values(), strict=True)
    lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def parquet(path: Path) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(COLUMNS), path)
    return path


@pytest.mark.parametrize("write", [csv, parquet])
def test_the_named_column_holds_the_labels(tmp_path: Path, workdir: Path, write: Any) -> None:
    data = read_dataset(write(tmp_path / "a"), workdir=workdir, label="species")
    assert data.names == ["setosa", "virginica"]
    assert data.targets.tolist() == [1, 0, 0, 0]
    assert (data.inputs.double() - NUMBERS).abs().max() < 1e-6  # float32 at the most


@pytest.mark.parametrize("write", [csv, parquet])
def test_an_inspection_tells_the_columns_to_choose_from(
    tmp_path: Path, workdir: Path, write: Any
) -> None:
    found = inspect_dataset(write(tmp_path / "a"), workdir=workdir)
    assert found["n"] == 4
    assert [column["name"] for column in found["columns"]] == list(COLUMNS)
    assert found["columns"][1]["counts"] == {"setosa": 3, "virginica": 1}
    assert "'species'" in found["warnings"][0]
    named = inspect_dataset(tmp_path / "a", workdir=workdir, label="species")
    assert (named["n"], named["input_shape"], named["repeated"]) == (4, [2], 0)
    assert named["names"] == ["setosa", "virginica"]
    assert named["class_counts"] == {"0": 3, "1": 1}


@pytest.mark.parametrize("write", [csv, parquet])
@pytest.mark.parametrize("label", [None, "Species", "variety"])
def test_without_such_a_column_the_refusal_lists_those_there_are(
    tmp_path: Path, workdir: Path, write: Any, label: str | None
) -> None:
    with pytest.raises(ProblemError, match="'sepal', 'species', 'petal'") as caught:
        read_dataset(write(tmp_path / "a"), workdir=workdir, label=label)
    assert caught.value.code == "label_missing"
    assert "--label" in caught.value.advice


def test_a_long_header_is_told_with_its_end_where_labels_mostly_are(
    tmp_path: Path, workdir: Path
) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        ",".join([*(f"x{i}" for i in range(30)), "cultivar"]) + "\n" + "1," * 30 + "0\n"
    )
    with pytest.raises(ProblemError, match=r"'x0', .*…, .*'x29', 'cultivar'"):
        read_dataset(path, workdir=workdir)


def test_a_named_array_of_an_npz_holds_the_labels(tmp_path: Path, workdir: Path) -> None:
    np.savez(tmp_path / "a", X=np.eye(3), digit=np.arange(3), y=np.zeros(3, int))
    data = read_dataset(tmp_path / "a.npz", workdir=workdir, label="digit")
    assert data.targets.tolist() == [0, 1, 2]


def texts(names: list[str], numbers: list[int]) -> Dataset:
    return Dataset(torch.zeros(len(numbers), 2), torch.tensor(numbers), names=names)


def test_test_labels_are_numbered_as_in_training() -> None:
    train, test = texts(["cat", "dog", "fox"], [0, 1, 2]), texts(["cat", "fox"], [1, 0, 1])
    assert test.numbered_as(train).targets.tolist() == [2, 0, 2]
    with pytest.raises(ProblemError, match="'owl'"):
        texts(["owl"], [0]).numbered_as(train)


def test_an_inspection_states_scale_balance_and_repetition(tmp_path: Path, workdir: Path) -> None:
    inputs = np.array([[0.0, 2.0], [4.0, -6.0], [0.0, 2.0], [0.0, 2.0]])
    np.savez(tmp_path / "a", X=inputs, y=np.array([0, 1, 0, 0]))
    found = inspect_dataset(tmp_path / "a.npz", workdir=workdir)
    assert found["repeated"] == 2
    assert found["class_counts"] == {"0": 3, "1": 1}
    # mean 4/8; squares 3·4 + 16 + 36 = 64, so the variance is 64/8 − 1/4 and its root 2.784
    assert "from -6 to 4, mean 0.5, standard deviation 2.78" in found["scale"]
