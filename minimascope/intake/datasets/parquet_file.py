"""A .parquet table: numeric columns are inputs, one column of labels is targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.table_file import COLUMNS_TOLD, label_column, refused, told
from minimascope.intake.files.safetensors_format import damaged

CELLS = 1 << 27


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ProblemError(
            "pyarrow_missing",
            "This is a Parquet file, and pyarrow is not installed on this worker.",
            "pip install 'minimascope[parquet]', or send a .csv or .npz.",
        ) from error
    pyarrow.set_cpu_count(1)
    return pyarrow


def _column(name: str, column: Any) -> np.ndarray:
    """One column as numbers or texts. Raises ProblemError not_a_dataset."""
    if column.null_count:
        raise refused(f"Column {name[:60]!r} has {column.null_count} empty cells.")
    values: np.ndarray = column.to_numpy()
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values):
        return values.astype(str)
    if values.dtype.kind not in "fiub":
        raise refused(f"Column {name[:60]!r} is of type {str(column.type)[:60]}, not numbers.")
    return values


def _table(source: BinaryIO) -> Any:
    """The whole table. Raises ProblemError: pyarrow_missing, file_damaged, not_a_dataset."""
    arrow = _arrow()
    try:
        file = arrow.parquet.ParquetFile(source, pre_buffer=False)
        cells = file.metadata.num_rows * file.metadata.num_columns
        if cells > CELLS:
            raise refused(f"The table has {cells} cells, more than {CELLS}.")
        return file.read(use_threads=False)
    except (arrow.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        raise damaged("it begins like a Parquet file but cannot be read") from error


def columns(source: BinaryIO) -> tuple[int, list[dict[str, Any]]]:
    """Rows, and every column as `told`."""
    table = _table(source)
    names = list(table.column_names)[:COLUMNS_TOLD]
    return table.num_rows, [
        told(name, table.column(place).to_pylist()) for place, name in enumerate(names)
    ]


def read(
    source: BinaryIO, label: str | None = None, aside: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays `X` (n × columns) and `y` (n) of a Parquet table; `aside` as for .csv.

    Raises ProblemError: pyarrow_missing, file_damaged, not_a_dataset and label_missing (as for
    .csv).
    """
    table = _table(source)
    names = list(table.column_names)
    found = label_column(names, label)
    apart = {found, *(names.index(name) for name in aside if name in names)}
    taken = [_column(name, table.column(place)) for place, name in enumerate(names)]
    for place, column in enumerate(taken):
        if place not in apart and column.dtype.kind == "U":
            raise refused(f"Column {names[place][:60]!r} holds texts, not numbers.")
    inputs = [column for place, column in enumerate(taken) if place not in apart]
    if not inputs:
        raise refused("The table has no column besides the labels.")
    own = {names[place]: taken[place] for place in apart - {found}}
    return {**own, "X": np.column_stack(inputs), "y": taken[found]}
