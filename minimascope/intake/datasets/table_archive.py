"""A zip of tables: what `datasets` saves or the hub holds, train.csv beside test.csv, shards."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import parquet_file, splits, table_file
from minimascope.intake.datasets.array_file import read_npz
from minimascope.intake.datasets.found import Found
from minimascope.intake.datasets.image_archive import Size
from minimascope.intake.datasets.several import Wanted
from minimascope.intake.files.formats import TABLES, records
from minimascope.intake.files.safetensors_format import damaged
from minimascope.intake.files.taken import Row, left, named

ARROW = (".parquet", ".arrow")
_SHARD = re.compile(r"-\d{5}-of-\d{5}")


def read(
    source: BinaryIO,
    role: splits.Role,
    label: str | None,
    aside: Sequence[str],
    several: Sequence[Wanted] = (),
    resize: Size | None = None,
) -> tuple[str, Found]:
    """The format of the tables, and those for one purpose as one table.

    Raises ProblemError: split_missing, not_a_dataset (several tables), and those of each format.
    """
    every = [e.filename for e in records(source) if e.filename.lower().endswith(TABLES)]
    names, said, rows = splits.paths_for(sorted(every), role, "tables")
    kinds = {_SHARD.sub("", name) for name in names}
    if len(kinds) > 1:
        raise ProblemError(
            "not_a_dataset",
            f"The zip holds {len(kinds)} tables for one purpose: {named(sorted(kinds))}.",
            "Send one of them, or name files and folders train and test.",
        )
    others = [e.filename for e in records(source) if e.filename not in set(every)]
    others = [name for name in others if not name.endswith("/")]
    rows += [left(named(others), "no tables, not opened")] if others else []
    rows += [Row(named(names), "one table")]
    with zipfile.ZipFile(source) as archive:
        contents = [_content(archive, name) for name in names]
    kind, found = _of(names[0], contents, label, aside, several, resize)
    return kind, Found(
        found.arrays, [*said, *found.said], [*rows, *found.rows], found.columns, found.classes
    )


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        raise damaged(f"{name[-100:]!r} cannot be unpacked") from error


def _of(
    name: str,
    contents: list[bytes],
    label: str | None,
    aside: Sequence[str],
    several: Sequence[Wanted],
    resize: Size | None,
) -> tuple[str, Found]:
    if name.lower().endswith(ARROW):
        tables = [parquet_file.table_of(io.BytesIO(each)) for each in contents]
        table = parquet_file.joined(tables)
        return "parquet", parquet_file.found_in(table, label, aside, several, resize)
    if len(contents) > 1:
        raise ProblemError("not_a_dataset", f"The zip holds {len(contents)} parts of one table.")
    if name.lower().endswith(".npz"):
        return "npz", Found(read_npz(io.BytesIO(contents[0])))
    source = io.BytesIO(contents[0])
    return "csv", table_file.read(source, len(contents[0]), label, aside)
