"""A file that would keep the reader busy is refused by counting, before the work is done."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.sandbox.parser_process import (
    LEAST_SECONDS,
    MOST_SECONDS,
    Limits,
    parse,
    seconds_for,
)
from minimascope.intake.weights import pickle_steps

# Of a processor, in the parser: a tenth of what these files took.
FEW = Limits(seconds=3.0)


def refusal(task: str, path: Path) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        parse(task, path, output=None, limits=FEW)
    return caught.value


def torch_zip(path: Path, table: bytes) -> Path:
    """A file of torch.save whose pickle is this one."""
    plain = io.BytesIO()
    torch.save({"w": torch.ones(2)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as made:
        for name in source.namelist():
            content = table if name.endswith("data.pkl") else source.read(name)
            made.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "table",
    [b"(" * 10_000_000, b"\x80\x02" + b"N0" * 5_000_000, b"\x80\x02]" + b"2" * 10_000_000],
    ids=["marks", "made-and-dropped", "doubled"],
)
def test_ten_million_steps_of_a_pickle_are_refused_before_the_first(
    tmp_path: Path, table: bytes
) -> None:
    problem = refusal("checkpoint", torch_zip(tmp_path / "a.pt", table))
    assert (problem.code, str(pickle_steps.STEPS) in problem.sentence) == ("file_damaged", True)


def test_a_legacy_file_is_counted_pickle_by_pickle(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    head = pickle_steps.count(path.read_bytes())[1]
    path.write_bytes(path.read_bytes()[:head] + b"\x80\x02" + b"(" * 10_000_000)
    assert refusal("checkpoint", path).code == "file_damaged"


@pytest.mark.parametrize("protocol", range(6))
def test_the_count_is_that_of_pickletools_and_ends_where_the_pickle_does(protocol: int) -> None:
    import pickletools

    value = {"a": [1, 2.5, "größe", b"x" * 300, None, True, (1, 2, 3)], 3: {1 << 70: "y" * 300}}
    value["self"] = value["a"]
    content = pickle.dumps([value, Path("x"), bytearray(b"q")], protocol=protocol)
    steps = sum(1 for _ in pickletools.genops(content))
    assert pickle_steps.count(content + b"more") == (steps, len(content))
    assert pickle_steps.count(content[:-9])[1] >= len(content) - 9  # cut off: its reader says so


def test_a_table_of_a_million_columns_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    row = ",".join(map(str, range(1_000_000)))
    path.write_text(f"{','.join(f'c{i}' for i in range(1_000_000))}\n{row}\n")
    problem = refusal("dataset", path)
    assert (problem.code, "1000000 columns" in problem.sentence) == ("not_a_dataset", True)


def test_a_table_of_too_many_cells_is_refused_before_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a,b,c,y\n" + "1,2,3,0\n" * 5_000_000)
    assert "cells" in refusal("dataset", path).sentence


def test_two_columns_of_one_name_among_many_are_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    names = [f"c{i}" for i in range(40_000)] + ["c7", "y"]
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    assert "named 'c7'" in refusal("dataset", path).sentence


def test_a_small_file_has_less_time_than_a_large_one(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"a,y\n1,0\n")
    with large.open("wb") as file:
        file.truncate(1 << 30)
    assert seconds_for(small) == pytest.approx(LEAST_SECONDS, abs=0.01)
    assert seconds_for(large) == MOST_SECONDS
