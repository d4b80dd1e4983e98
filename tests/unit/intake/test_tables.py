"""Tables as people have them: every dialect gives the same numbers, or is refused in words."""

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
from minimascope.intake.values.dataset import in_order, read_dataset

X = [[0.5, -1.25], [2.0, 3.5], [-0.75, 0.25], [1.5, 1000.5]]
Y = [0, 2, 1, 2]
HEAD = ("a", "b", "label")


def lines(
    sep: str = ",",
    *,
    head: tuple[str, ...] | None = HEAD,
    comma: bool = False,
    quote: bool = False,
    end: str = "\n",
    row_names: bool = False,
) -> str:
    def cell(value: float | str) -> str:
        text = str(value).replace(".", ",") if comma else str(value)
        return f'"{text}"' if quote else text

    rows = [[*x, y] for x, y in zip(X, Y, strict=True)]
    body = [sep.join(cell(v) for v in row) for row in rows]
    if row_names:
        body = [f'"{place + 1}"{sep}{row}' for place, row in enumerate(body)]
    return end.join([*([sep.join(head)] if head else []), *body]) + end


def indexed(name: str, start: int = 0) -> str:
    first, *rest = lines().splitlines()
    return "\n".join([f"{name},{first}", *(f"{i + start},{row}" for i, row in enumerate(rest))])


# The text as bytes, the label told, and a word that must be said ("" for none).
DIALECTS: dict[str, tuple[bytes, str | None, str]] = {
    "comma": (lines().encode(), None, ""),
    "semicolon": (lines(";").encode(), None, "';'"),
    "tab": (lines("\t").encode(), None, "tabs"),
    "pipe": (lines("|").encode(), None, "'|'"),
    "spaces": (lines(" ").encode(), None, "spaces"),
    "space after comma": (lines(", ").encode(), None, ""),
    "decimal comma": (lines(";", comma=True).encode(), None, "decimal comma"),
    "decimal comma and tabs": (lines("\t", comma=True).encode(), None, "decimal comma"),
    "quoted decimal comma": (lines(comma=True, quote=True).encode(), None, "decimal comma"),
    "thousands with points": (
        lines(";", comma=True).replace("1000,5", "1.000,5").encode(),
        None,
        "decimal comma",
    ),
    "German Excel": (b"\xef\xbb\xbf" + lines(";", comma=True, end="\r\n").encode(), None, "comma"),
    "Excel's hint": (b"sep=;\r\n" + lines(";").encode(), None, "';'"),
    "UTF-16": (lines("\t").encode("utf-16"), None, "UTF-16"),
    "Windows-1252": (lines(head=("größe", "b", "label")).encode("cp1252"), None, "Windows-1252"),
    "blank lines": (lines().replace("\n", "\n\n").encode(), None, ""),
    "savetxt's mark": (b"# " + lines().encode(), None, ""),
    "pandas' index": (indexed("").encode(), None, "index"),
    "pandas' read index": (indexed("Unnamed: 0").encode(), None, "index"),
    "R's row names": (lines(row_names=True).encode(), None, "index"),
    "R's write.csv": (indexed('""', 1).encode(), None, "index"),
    "label by place": (lines(head=("a", "b", "kind")).encode(), "3", "'kind'"),
    "label by place from the end": (lines(head=("a", "b", "kind")).encode(), "-1", "'kind'"),
    "no header, place told": (lines(head=None).encode(), "3", "first line looks like data"),
    "no header, last place": (lines(";", head=None, comma=True).encode(), "-1", "first line"),
    "numbered header": (lines(head=("0", "1", "label")).encode(), None, ""),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_gives_the_same_numbers(tmp_path: Path, workdir: Path, name: str) -> None:
    content, label, word = DIALECTS[name]
    (tmp_path / "a").write_bytes(content)
    data = read_dataset(tmp_path / "a", workdir=workdir, label=label)
    assert data.inputs.tolist() == X
    assert data.targets.tolist() == Y
    rows = [f"{row['part']} {row['words']}" for row in data.taken]
    assert word in " ".join([*data.warnings, *rows])
    if not word:
        assert data.warnings == []


def test_a_table_without_header_is_labelled_by_its_only_text(tmp_path: Path, workdir: Path) -> None:
    names = ["setosa", "versicolor", "virginica"]
    rows = [f"{a},{b},Iris-{names[k]}" for (a, b), k in zip(X, Y, strict=True)]
    (tmp_path / "iris.data").write_text("\n".join(rows) + "\n\n")
    data = read_dataset(tmp_path / "iris.data", workdir=workdir)
    assert data.inputs.tolist() == X  # no row was lost as a header
    assert data.names == [f"Iris-{name}" for name in names]
    assert data.targets.tolist() == Y
    assert "first line looks like data" in " ".join(data.warnings)
    with pytest.raises(ProblemError, match="first line of the table holds data") as caught:
        read_dataset(tmp_path / "iris.data", workdir=workdir, label="Iris-setosa")
    assert (caught.value.code, "--label -1" in caught.value.advice) == ("label_missing", True)
    read_dataset(tmp_path / "iris.data", workdir=workdir, label="-1")  # the cure


REFUSED = {
    "no header, no text": (lines(head=None), None, "label_missing", "first line"),
    "thousands or decimals": (
        'a,b,y\n"1,234","2,345",0\n"3,456","4,567",1\n',
        None,
        "not_a_dataset",
        "thousands",
    ),
    "two ways of numbers": ("a;b;y\n0,5;1.5;0\n1,5;2;1\n", None, "not_a_dataset", "not a number"),
    "a place outside": (lines(), "7", "label_missing", "no column named '7'"),
    "place zero": (lines(), "0", "label_missing", "no column named '0'"),
    "two labels": ("y,label,a\n0,1,2\n1,2,3\n", None, "label_missing", "one column named y"),
    "a missing cell": ("a,b,y\n1,,0\n2,3,1\n", None, "not_a_dataset", "empty"),
    "a text among numbers": ("a,b,y\n1,NA,0\n2,3,1\n", None, "not_a_dataset", "'NA' is not"),
    "ragged": ("a,b,y\n1,2,0\n2,3\n", None, "not_a_dataset", "2 cells"),
    "one name twice": ("a,a,y\n1,2,0\n2,3,1\n", None, "not_a_dataset", "Two columns"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_open_is_refused_in_words(tmp_path: Path, workdir: Path, name: str) -> None:
    text, label, code, word = REFUSED[name]
    (tmp_path / "a").write_text(text)
    with pytest.raises(ProblemError) as caught:
        read_dataset(tmp_path / "a", workdir=workdir, label=label)
    assert caught.value.code == code
    assert word in caught.value.sentence
    assert caught.value.advice


def test_true_and_false_are_one_and_zero_and_that_is_said(tmp_path: Path, workdir: Path) -> None:
    (tmp_path / "a").write_text("a,b,y\nTrue,1.5,False\nFalse,2.5,True\n")
    data = read_dataset(tmp_path / "a", workdir=workdir)
    assert data.inputs.tolist() == [[1, 1.5], [0, 2.5]]
    assert (data.targets.tolist(), data.names) == ([0, 1], ["False", "True"])
    assert any(row["words"] == "true is 1, false is 0" for row in data.taken)


def test_a_column_that_counts_the_rows_is_taken_and_named(tmp_path: Path, workdir: Path) -> None:
    (tmp_path / "a").write_text("id,b,y\n1,0.5,0\n2,2.5,1\n3,0.25,0\n")
    data = read_dataset(tmp_path / "a", workdir=workdir)
    assert data.inputs.shape == (3, 2)
    assert "Column 'id' counts the rows" in " ".join(data.warnings)


def parquet(path: Path, metadata: dict[str, str] | None = None, **columns: Any) -> Path:
    table = pyarrow.table(columns).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path)
    return path


@pytest.mark.parametrize("name", ["__index_level_0__", "patient"])
def test_pandas_index_in_a_parquet_table_is_left(tmp_path: Path, workdir: Path, name: str) -> None:
    metadata = {"pandas": f'{{"index_columns": ["{name}"]}}'}
    path = parquet(tmp_path / "a", metadata, a=[0.5, 1.5], y=[0, 1], **{name: [7, 3]})
    data = read_dataset(path, workdir=workdir)
    assert data.inputs.tolist() == [[0.5], [1.5]]
    assert f"{name!r} was left" in " ".join(data.warnings)
    found = inspect_dataset(path, workdir=workdir)
    assert {"part": f"column {name!r}", "words": "pandas' index", "taken": False} in found["taken"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_the_test_table_are_matched_by_name(
    tmp_path: Path, workdir: Path, kind: str
) -> None:
    values = {"a": [1.0, 2.0], "b": [3.0, 4.5], "label": [0, 1], "extra": [9.5, 8.5]}

    def written(name: str, *order: str) -> Path:
        if kind == "parquet":
            return parquet(tmp_path / name, None, **{k: values[k] for k in order})
        rows = zip(*(values[k] for k in order), strict=True)
        text = "\n".join([",".join(order), *(",".join(map(str, row)) for row in rows)])
        (tmp_path / name).write_text(text)
        return tmp_path / name

    train = read_dataset(written("train", "a", "b", "label"), workdir=workdir)
    test = read_dataset(written("test", "label", "b", "a"), workdir=workdir, role="test")
    matched = in_order(test, train)
    assert torch.equal(matched.inputs, train.inputs)
    assert "order of the training table" in matched.warnings[-1]
    wide = read_dataset(written("more", "b", "extra", "a", "label"), workdir=workdir)
    more = in_order(wide, train)
    assert torch.equal(more.inputs, train.inputs)
    assert "'extra'" in more.warnings[-1]
    fewer = read_dataset(written("fewer", "b", "label"), workdir=workdir)
    with pytest.raises(ProblemError, match="no column 'a'") as caught:
        in_order(fewer, train)
    assert caught.value.code == "columns_differ"
    same = in_order(read_dataset(written("same", "a", "b", "label"), workdir=workdir), train)
    assert same.warnings == []


def test_arrays_have_no_names_to_match(tmp_path: Path, workdir: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.eye(2), y=np.arange(2))
    data = read_dataset(tmp_path / "a.npz", workdir=workdir)
    assert in_order(data, data) is data
