"""The text of a table as cells: its encoding, what divides its cells, how it writes numbers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from minimascope.contract.problems import ProblemError

TABLE_BYTES = 256 << 20
# Counted before any cell is read: both fit into the parser's time on a slow machine.
CELLS, COLUMNS = 16_000_000, 50_000
LOOKED_AT = 20  # lines that show which character divides the cells
SAMPLED = 200  # rows that show how numbers are written
_DELIMITERS = (";", "\t", "|", ",")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL = re.compile(r"\s*[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+([eE][+-]?\d+)?\s*")
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\s*")


def refused(sentence: str, advice: str = "") -> ProblemError:
    """A table that cannot be used, and what a table must have."""
    return ProblemError(
        "not_a_dataset",
        sentence,
        advice
        or "Send arrays X and y as .npz, or a .csv with a header line, numeric columns and a "
        "column of labels.",
    )


@dataclass(frozen=True)
class Cells:
    """Rows of cells, with or without a first line of names; `comma` where 0,5 is a half."""

    rows: list[list[str]]
    comma: bool = False
    said: list[str] = field(default_factory=list)

    def number(self, cell: str) -> float:
        """Raises ValueError for what is no number."""
        if not self.comma:
            return float(cell)
        if _DECIMAL.fullmatch(cell):
            return float(cell.replace(".", "").replace(",", "."))
        if "." in cell or "," in cell:
            raise ValueError("two ways of writing numbers in one table")
        return float(cell)

    def is_number(self, cell: str) -> bool:
        """Whether `number` takes it."""
        try:
            self.number(cell)
        except ValueError:
            return False
        return True


def cells_of(source: BinaryIO, size: int) -> Cells:
    """All cells of a text. Raises ProblemError not_a_dataset for what is no table."""
    if size > TABLE_BYTES:
        raise refused(f"The table has {size} bytes, more than {TABLE_BYTES}.")
    text, said = _decoded(source.read())
    text, told = _without_hint(text)
    delimiter = told or _delimiter(text)
    _check_count(text, delimiter)
    try:
        rows = list(_split(text, delimiter))
    except csv.Error as error:
        raise refused(f"The table cannot be read ({error}).") from error
    comma = _writes_commas(rows, delimiter)
    if delimiter != ",":
        name = {"\t": "tabs", " ": "spaces"}.get(delimiter, repr(delimiter))
        said.append(f"Cells are divided by {name}.")
    if comma:
        said.append("Numbers are written with a decimal comma: 0,5 was read as 0.5.")
    return Cells(rows, comma, said)


def _decoded(content: bytes) -> tuple[str, list[str]]:
    """The text, and the encoding where it is not UTF-8."""
    none = refused("The file is neither arrays nor a text table.")
    if content.startswith(_UTF16):
        try:
            return content.decode("utf-16"), ["The table is UTF-16 text."]
        except UnicodeDecodeError as error:
            raise none from error
    try:
        text, said = content.decode("utf-8-sig"), list[str]()
    except UnicodeDecodeError as error:
        if any(byte < 32 and byte not in b"\t\n\r\f" for byte in set(content)):
            raise none from error
        text, said = content.decode("cp1252", "replace"), ["The table was read as Windows-1252."]
    if "\0" in text:
        raise none
    return text, said


def _without_hint(text: str) -> tuple[str, str | None]:
    """Without Excel's first line `sep=;`, or the mark that numpy.savetxt puts before a header."""
    text = text.lstrip()
    hint = re.match(r"sep=(.)\r?\n", text)
    if hint:
        return text[hint.end() :], hint[1]
    return text.removeprefix("#").lstrip(" "), None


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into as many cells each; spaces where none does.

    Semicolons go before commas: where both do, the commas are in numbers.
    """
    lines = [line for line in text[: 1 << 20].splitlines() if line.strip()][:LOOKED_AT]
    if not lines:
        return ","
    present = [each for each in _DELIMITERS if each in lines[0]]
    if not present:
        return " " if len(lines[0].split()) > 1 else ","
    for each in present:
        # Not the header: R leaves out the name of the column of row names.
        counts = {len(row) for row in csv.reader(lines[1:], delimiter=each) if row}
        if len(counts) == 1 and counts != {1}:
            return each
    return max((",", ";", "\t", "|"), key=lines[0].count)


def _split(text: str, delimiter: str) -> Iterable[list[str]]:
    if delimiter == " ":
        return [cells for line in text.splitlines() if (cells := line.split())]
    skip = delimiter != "\t"
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=skip)
    return (row for row in reader if row)


def _check_count(text: str, delimiter: str) -> None:
    header = text.partition("\n")[0].count(delimiter) + 1
    if header > COLUMNS:
        raise refused(f"The table has {header} columns, more than {COLUMNS}.")
    cells = text.count(delimiter) + text.count("\n")
    if cells > CELLS:
        raise refused(f"The table has about {cells} cells, more than {CELLS}.")


def _writes_commas(rows: list[list[str]], delimiter: str) -> bool:
    """Whether numbers have decimal commas. Raises ProblemError where they may as well be 1000s."""
    sample = [cell for row in rows[:SAMPLED] for cell in row if "," in cell]
    found = [cell for cell in sample if _DECIMAL.fullmatch(cell)]
    if not found:
        return False
    if delimiter == "," and all(_THOUSANDS.fullmatch(cell) for cell in found):
        raise refused(
            f"{found[0][:40]!r} may be a decimal comma or a thousands separator.",
            "Write numbers with a point and nothing between thousands: 1234.5.",
        )
    return True
