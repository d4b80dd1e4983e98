"""Parquet and Arrow tables: numeric columns are inputs, or one column of lists or images is.

What `datasets` saves is such a table too: input_ids with their mask, images as bytes, labels whose
names are in its metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from minimascope.contract.extras import adding
from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.arrow_columns import (
    IDS,
    class_names,
    indexes,
    is_nested,
    nested,
    scalars,
)
from minimascope.intake.datasets.columns import COLUMNS_TOLD, LABELS, Table, label_column, told
from minimascope.intake.datasets.found import Found
from minimascope.intake.datasets.image_archive import Size
from minimascope.intake.datasets.several import Wanted, names_for
from minimascope.intake.datasets.table_text import refused
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row, left, named

CELLS = 1 << 27


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ProblemError(
            "pyarrow_missing",
            "This is a Parquet or Arrow file, and pyarrow is not installed on this worker.",
            f"{adding('parquet')}, or send a .csv or .npz.",
        ) from error
    pyarrow.set_cpu_count(1)
    return pyarrow


def table_of(source: BinaryIO) -> Any:
    """The whole table. Raises ProblemError: pyarrow_missing, file_damaged, not_a_dataset."""
    arrow = _arrow()
    head = source.read(8)
    source.seek(0)
    try:
        if head.startswith(b"ARROW1"):
            return _bounded(arrow.ipc.open_file(source).read_all())
        if head.startswith(b"\xff\xff\xff\xff"):
            return _bounded(arrow.ipc.open_stream(source).read_all())
        file = arrow.parquet.ParquetFile(source, pre_buffer=False)
        _check_cells(file.metadata.num_rows * file.metadata.num_columns)
        return file.read(use_threads=False)
    except (arrow.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        raise damaged("it begins like a Parquet or Arrow file but cannot be read") from error


def joined(tables: list[Any]) -> Any:
    """Parts of one table. Raises ProblemError file_damaged where they are not."""
    arrow = _arrow()
    try:
        return _bounded(arrow.concat_tables(tables))
    except (arrow.ArrowException, ValueError, TypeError) as error:
        raise damaged("its parts have different columns") from error


def _bounded(table: Any) -> Any:
    _check_cells(table.num_rows * table.num_columns)
    table.validate(full=True)
    return table


def _check_cells(cells: int) -> None:
    if cells > CELLS:
        raise refused(f"The table has {cells} cells, more than {CELLS}.")


def columns(source: BinaryIO) -> tuple[int, list[dict[str, Any]]]:
    """Rows, and every column as `told`."""
    table = table_of(source)
    names = [n for n in table.column_names if n not in indexes(table)][:COLUMNS_TOLD]
    return table.num_rows, [told(name, table.column(name).to_pylist()) for name in names]


def read(
    source: BinaryIO,
    label: str | None = None,
    aside: Sequence[str] = (),
    several: Sequence[Wanted] = (),
    resize: Size | None = None,
) -> Found:
    """Arrays `X` and `y` (n) of a table; `aside` as for .csv. Where `several` inputs are wanted,
    a column is an array for each of them.

    Raises ProblemError: pyarrow_missing, file_damaged, not_a_dataset and label_missing (as for
    .csv).
    """
    return found_in(table_of(source), label, aside, several, resize)


def found_in(
    table: Any,
    label: str | None,
    aside: Sequence[str],
    several: Sequence[Wanted] = (),
    resize: Size | None = None,
) -> Found:
    """The same of a table that was read."""
    names = list(table.column_names)
    target = _target(names, label)
    gone = indexes(table) - {target, *aside}
    own = {name: scalars(name, table.column(name)) for name in aside if name in names}
    others = [n for n in names if n not in {target, *own, *gone}]
    wide = [name for name in others if is_nested(table.column(name))]
    rows = [Row(f"column {target!r}", "the labels")] if target else list[Row]()
    rows += [left(f"column {name!r}", "pandas' index") for name in sorted(gone)]
    said = [f"{row.part.capitalize()} was left: {row.words}." for row in rows if not row.taken]
    if several:
        arrays, more = _each(table, names_for(several, others)), list[str]()
    elif wide:
        arrays, more = _wide(table, wide, others, rows, resize)
    else:
        arrays, more = {"X": _narrow(table, others)}, list[str]()
        rows.append(Row(f"{len(others)} columns {named(others)}", "the inputs, in this order"))
    columns = [] if wide or several else others
    if target is None:
        return Found({**arrays, **own}, [*said, *more], rows, columns)
    arrays |= {**own, "y": _labels(table, target)}
    return Found(arrays, [*said, *more], rows, columns, class_names(table, target))


def _target(names: list[str], label: str | None) -> str | None:
    """The column of labels; None where token ids stand without any, being their own."""
    unlabelled = label is None and not any(name.lower() in LABELS for name in names)
    if unlabelled and IDS[0] in names:
        return None
    return names[label_column(Table(names), label)]


def _each(table: Any, names: list[str]) -> dict[str, np.ndarray]:
    """A column as an array by itself."""
    columns = {name: table.column(name) for name in names}
    return {n: nested(n, c)[0] if is_nested(c) else scalars(n, c) for n, c in columns.items()}


def _labels(table: Any, target: str) -> np.ndarray:
    column = table.column(target)
    return nested(target, column)[0] if is_nested(column) else scalars(target, column)


def _narrow(table: Any, names: list[str]) -> np.ndarray:
    """Columns of numbers side by side (n × columns)."""
    if not names:
        raise refused("The table has no column besides the labels.")
    taken = {name: scalars(name, table.column(name)) for name in names}
    for name, column in taken.items():
        if column.dtype.kind == "U":
            raise refused(f"Column {name[:60]!r} holds texts, not numbers.")
    return np.column_stack(list(taken.values()))


def _wide(
    table: Any, wide: list[str], others: list[str], rows: list[Row], resize: Size | None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Token ids with their mask, or the one column of lists or images; others are left."""
    ids = [name for name in IDS if name in wide]
    taken = ids or wide
    if not ids and len(wide) > 1:
        raise refused(f"The columns {named(wide)} are each an input by itself; one is needed.")
    said: list[str] = []
    arrays: dict[str, np.ndarray] = {}
    for name in taken:
        arrays[name if ids else "X"], more = nested(name, table.column(name), resize)
        said += more
        rows.append(Row(f"column {name!r}", "the inputs" if name == taken[0] else "their mask"))
    gone = [name for name in others if name not in taken]
    if gone:
        rows.append(left(f"columns {named(gone)}", f"{taken[0]!r} holds the inputs"))
        said.append(f"Columns {named(gone)} were left: {taken[0]!r} holds the inputs.")
    return arrays, said
