"""A table as text: numeric columns are inputs, one column of labels is targets.

With or without a line of names, with or without a column of row numbers; `table_text` says how
its cells are found, `columns` what each column is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from minimascope.intake.datasets.columns import COLUMNS_TOLD, Table, parts_of, told
from minimascope.intake.datasets.found import Found
from minimascope.intake.datasets.table_text import SAMPLED, Cells, cells_of, refused
from minimascope.intake.files.taken import Row

_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class _Body:
    """A table's columns and its rows of that many cells each; `first` is the line they begin on."""

    table: Table
    rows: list[list[str]]
    first: int
    cells: Cells
    said: list[str]


def _body(source: BinaryIO, size: int) -> _Body:
    cells = cells_of(source, size)
    rows = cells.rows
    if not size:
        raise refused("The file is empty (0 bytes).")
    if len(rows) < 2 or len(rows[0]) < 2:
        raise refused("The file is no known data format, nor a table with a header line.")
    names, said = [cell.strip() for cell in rows[0]], list(cells.said)
    has_header = _is_header(names, rows[1:SAMPLED], cells)
    if has_header and len(rows) > 2 and all(len(row) == len(names) + 1 for row in rows[1:]):
        names = ["rownames", *names]
    if not has_header:
        names = [f"column {place + 1}" for place in range(len(names))]
        said.append("The first line looks like data, not like names: it is the first example.")
    body = rows[1:] if has_header else rows
    first = 2 if has_header else 1
    for line, row in enumerate(body, start=first):
        if len(row) != len(names):
            what = "the header has" if has_header else "the first line has"
            raise refused(
                f"Read as a table, line {line} has {len(row)} cells, {what} {len(names)}."
            )
    texts = [] if has_header else _texts(body[:SAMPLED], cells)
    return _Body(Table(names, has_header, texts), body, first, cells, said)


def _is_header(names: list[str], rows: list[list[str]], cells: Cells) -> bool:
    """Whether the first line names the columns; numbers over numbers are the first example.

    Column numbers, 0 1 2 … or 1 2 3 …, are names: what pandas writes of an array.
    """
    numbers = [place for place, name in enumerate(names) if cells.is_number(name)]
    over = [p for p in numbers if all(p < len(row) and cells.is_number(row[p]) for row in rows)]
    if not over:
        return True
    counted = {names[place] == str(place + start) for place in over for start in (0, 1)}
    starts = [all(names[p] == str(p + start) for p in over) for start in (0, 1)]
    return True in counted and any(starts) and len(over) > 1


def _texts(rows: list[list[str]], cells: Cells) -> list[int]:
    places = range(len(rows[0]))
    return [p for p in places if not any(cells.is_number(row[p]) for row in rows)]


def columns(source: BinaryIO, size: int) -> tuple[int, list[dict[str, Any]]]:
    """Rows, and every column as `told`: for a person who has to say which one holds the labels."""
    body = _body(source, size)
    names = body.table.names[:COLUMNS_TOLD]
    return len(body.rows), [told(n, [row[p] for row in body.rows]) for p, n in enumerate(names)]


def read(source: BinaryIO, size: int, label: str | None = None, aside: Sequence[str] = ()) -> Found:
    """Arrays `X` (n × columns, float64) and `y` (n) of a table.

    `label`: the name of the column of labels, or its place, counted from 1 or, with a minus, from
    the end. Columns of names `aside` are arrays of their own.

    Raises ProblemError not_a_dataset (not text, ragged, not numbers, empty), label_missing.
    """
    body = _body(source, size)
    parts = parts_of(body.table, label, aside)
    names = body.table.names
    found: dict[str, np.ndarray] = {
        name: _labels([row[place] for row in body.rows], body.cells)
        for name, place in parts.aside.items()
    }
    inputs = np.empty((len(body.rows), len(parts.inputs)))
    truths: list[str] = []
    for at, place in enumerate(parts.inputs):
        inputs[:, at], truth = _inputs(body, place)
        truths += [names[place]] * truth
    found |= {"X": inputs, "y": _labels([row[parts.label] for row in body.rows], body.cells)}
    rows = [*parts.rows, *(Row(f"column {name!r}", "true is 1, false is 0") for name in truths)]
    said = [
        *body.said,
        *(f"{row.part.capitalize()} was left: {row.words}." for row in rows if not row.taken),
    ]
    said += _counting([names[p] for p in parts.inputs], inputs)
    return Found(
        found, said, rows, [names[p] for p in parts.inputs] if body.table.has_header else []
    )


def _inputs(body: _Body, place: int) -> tuple[list[float], bool]:
    """The numbers of a column, and whether they were written as true and false."""
    number = body.cells.number if body.cells.comma else float  # a third faster
    name = body.table.names[place]
    column = [row[place] for row in body.rows]
    try:
        return [number(cell) for cell in column], False
    except ValueError:
        if all(cell.strip().lower() in _TRUTH for cell in column):
            return [_TRUTH[cell.strip().lower()] for cell in column], True
    line, cell = next(
        (line, c) for line, c in enumerate(column, body.first) if not body.cells.is_number(c)
    )
    what = f"{cell[:60]!r} is not a number" if cell.strip() else "the cell is empty"
    comma = " (a decimal comma, where others have a point)" if "," in cell else ""
    raise refused(f"Line {line}, column {name[:60]!r}: {what}{comma}.")


def _labels(cells: list[str], way: Cells) -> np.ndarray:
    """Whole numbers, else numbers, else the texts themselves."""
    for kind in (int, way.number):
        try:
            return np.array([kind(cell) for cell in cells])
        except (ValueError, OverflowError):
            continue
    return np.array([cell.strip()[:200] for cell in cells])


def _counting(names: list[str], inputs: np.ndarray) -> list[str]:
    """What is said of inputs that only count the rows."""
    if len(inputs) < 3:
        return []
    steps = np.diff(inputs, axis=0) == 1
    return [
        f"Column {name[:60]!r} counts the rows and was taken as an input: leave it out if the "
        "network was not trained on it."
        for name, each in zip(names, steps.all(axis=0), strict=True)
        if each
    ]
