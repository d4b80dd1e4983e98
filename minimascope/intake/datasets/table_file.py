"""A .csv with a header line: numeric columns are inputs, one column of labels is targets."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from minimascope.contract.names import visible
from minimascope.contract.problems import ProblemError

LABELS = ("y", "label", "target")
TABLE_BYTES = 256 << 20
# Counted before any cell is read: both fit into the parser's time on a slow machine.
CELLS, COLUMNS = 16_000_000, 50_000
COLUMNS_TOLD, VALUES_TOLD = 200, 50


def refused(sentence: str) -> ProblemError:
    """A table that cannot be used, and what a table must have."""
    return ProblemError(
        "not_a_dataset",
        sentence,
        "Send arrays X and y as .npz, or a .csv with a header line, numeric columns and a column "
        "of labels.",
    )


def unlabelled(header: Sequence[str], label: str | None) -> ProblemError:
    """No column is, or may be taken for, the labels."""
    names = [repr(name[:40]) for name in header]
    # Labels are mostly the last column, so that a long header keeps its end.
    shown = ", ".join(names if len(names) <= 12 else [*names[:6], "…", *names[-6:]])
    if label is None:
        sentence = f"The table needs one column named y, label or target; it has {shown}."
    else:
        sentence = f"The table has no column named {label[:60]!r}; it has {shown}."
    return ProblemError(
        "label_missing",
        sentence,
        "Say which column holds the labels: the field Label column, --label NAME, or the "
        "parameter label.",
    )


def _delimiter(text: str) -> str:
    """Comma, semicolon or tab: whichever the header line has most of."""
    header = text.lstrip().split("\n", 1)[0]
    return max((",", ";", "\t"), key=header.count)


def _rows(source: BinaryIO, size: int) -> list[list[str]]:
    if size > TABLE_BYTES:
        raise refused(f"The table has {size} bytes, more than {TABLE_BYTES}.")
    try:
        text = source.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("The file is neither arrays nor a text table.") from error
    if "\0" in text:
        raise refused("The file is neither arrays nor a text table.")
    delimiter = _delimiter(text)
    _check_count(text, delimiter)
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error as error:
        raise refused(f"The table cannot be read ({error}).") from error


def _check_count(text: str, delimiter: str) -> None:
    header = text.lstrip().partition("\n")[0].count(delimiter) + 1
    if header > COLUMNS:
        raise refused(f"The table has {header} columns, more than {COLUMNS}.")
    cells = text.count(delimiter) + text.count("\n")
    if cells > CELLS:
        raise refused(f"The table has about {cells} cells, more than {CELLS}.")


def _number(cell: str, line: int, column: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        what = f"{cell[:60]!r} is not a number" if cell.strip() else "the cell is empty"
        raise refused(f"Line {line}, column {column[:60]!r}: {what}.") from error


def _labels(cells: list[str]) -> np.ndarray:
    """Whole numbers, else numbers, else the texts themselves."""
    for kind in (int, float):
        try:
            return np.array([kind(cell) for cell in cells])
        except (ValueError, OverflowError):
            continue
    return np.array([cell.strip()[:200] for cell in cells])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def label_column(header: list[str], label: str | None) -> int:
    """The column of labels: `label`, else the one of a usual name.

    Raises ProblemError not_a_dataset (no header line, a name twice), label_missing (also
    where two have usual names).
    """
    if all(_is_number(cell) for cell in header):
        raise refused("The first line of the table holds numbers, not the names of its columns.")
    twice = [name for name, times in Counter(header).items() if times > 1]
    if twice:
        raise refused(f"Two columns of the table are named {twice[0][:60]!r}.")
    if label is not None:
        found = [place for place, name in enumerate(header) if visible(name) == visible(label)]
    else:
        found = [place for place, name in enumerate(header) if name.lower() in LABELS]
    if len(found) != 1:
        raise unlabelled(header, label)
    return found[0]


def _table(source: BinaryIO, size: int) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and rows of that many cells each."""
    rows = _rows(source, size)
    if not size:
        raise refused("The file is empty (0 bytes).")
    if len(rows) < 2 or len(rows[0]) < 2:
        raise refused("The file is no known data format, nor a table with a header line.")
    header, body = [cell.strip() for cell in rows[0]], rows[1:]
    for line, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise refused(f"Line {line} has {len(row)} cells, the header has {len(header)}.")
    return header, body


def told(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """A column in a few words: its name, how many values differ, and how often each occurs."""
    counts = Counter(str(value).strip()[:200] for value in values)
    few = dict(sorted(counts.items())) if len(counts) <= VALUES_TOLD else None
    return {"name": name[:200], "different": len(counts), "counts": few}


def columns(source: BinaryIO, size: int) -> tuple[int, list[dict[str, Any]]]:
    """Rows, and every column as `told`: for a person who has to say which one holds the labels."""
    header, body = _table(source, size)
    places = range(min(len(header), COLUMNS_TOLD))
    return len(body), [told(header[place], [row[place] for row in body]) for place in places]


def read(
    source: BinaryIO, size: int, label: str | None = None, aside: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays `X` (n × columns, float64) and `y` (n) of a comma-separated table.

    Columns of names `aside` are arrays of their own.

    Raises ProblemError not_a_dataset (not text, ragged, not numbers, empty), label_missing.
    """
    header, body = _table(source, size)
    found = label_column(header, label)
    apart = {name: header.index(name) for name in aside if name in header}
    others = [p for p in range(len(header)) if p != found and p not in apart.values()]
    inputs = [
        [_number(row[place], line, header[place]) for place in others]
        for line, row in enumerate(body, start=2)
    ]
    taken = {name: _labels([row[place] for row in body]) for name, place in apart.items()}
    return {**taken, "X": np.array(inputs), "y": _labels([row[found] for row in body])}
