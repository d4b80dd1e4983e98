"""Columns of a Parquet or Arrow table as arrays: numbers, texts, lists of one length, images."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets.columns import INDEXES
from minimascope.intake.datasets.image_archive import Size, stacked
from minimascope.intake.datasets.table_text import refused

IDS = ("input_ids", "attention_mask", "token_type_ids")


def indexes(table: Any) -> set[str]:
    """Columns that pandas' metadata calls its index."""
    told = _json((table.schema.metadata or {}).get(b"pandas"))
    found = told.get("index_columns")
    names = {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()
    return names | {name for name in table.column_names if name.lower() in INDEXES}


def class_names(table: Any, label: str) -> list[str]:
    """Names of the classes of a `datasets` ClassLabel column; none where it is no such column."""
    told = _json((table.schema.metadata or {}).get(b"huggingface"))
    info = told.get("info")
    features = info.get("features") if isinstance(info, dict) else None
    feature = features.get(label) if isinstance(features, dict) else None
    names = feature.get("names") if isinstance(feature, dict) else None
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        return []
    return [each[:200] for each in names]


def _json(text: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def is_nested(column: Any) -> bool:
    """Lists of numbers, or images: an input by itself, not one number of it."""
    import pyarrow

    kind = column.type
    return any(
        test(kind)
        for test in (
            *(pyarrow.types.is_list, pyarrow.types.is_large_list),
            *(pyarrow.types.is_fixed_size_list, pyarrow.types.is_struct, pyarrow.types.is_binary),
            pyarrow.types.is_large_binary,
        )
    )


def scalars(name: str, column: Any) -> np.ndarray:
    """One column as numbers or texts. Raises ProblemError not_a_dataset."""
    _check_whole(name, column)
    values: np.ndarray = column.to_numpy()
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values):
        return values.astype(str)
    if values.dtype.kind not in "fiub":
        raise refused(f"Column {name[:60]!r} is of type {str(column.type)[:60]}, not numbers.")
    return values


def _check_whole(name: str, column: Any) -> None:
    if column.null_count:
        raise refused(f"Column {name[:60]!r} has {column.null_count} empty cells.")


def nested(name: str, column: Any, resize: Size | None = None) -> tuple[np.ndarray, list[str]]:
    """Lists of one length as n × …, or decoded images; and what was done."""
    import pyarrow

    _check_whole(name, column)
    if pyarrow.types.is_struct(column.type) or pyarrow.types.is_binary(column.type):
        return _images(name, column.to_pylist(), resize)
    rows = column.to_pylist()
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ProblemError(
            "not_a_dataset",
            f"The lists of {name[:60]!r} have {lengths[0]} to {lengths[-1]} numbers: they need one "
            "length.",
            'Pad them as in training: tokenizer(texts, padding="max_length", truncation=True).',
        )
    try:
        array = np.array(rows)
    except ValueError as error:
        raise refused(f"The lists of {name[:60]!r} have several lengths.") from error
    if array.dtype.kind not in "fiub":
        raise refused(f"Column {name[:60]!r} holds lists of no numbers.")
    return array, []


def _images(name: str, rows: list[Any], resize: Size | None) -> tuple[np.ndarray, list[str]]:
    """Images as `datasets` keeps them: {"bytes": …, "path": …}."""
    contents = [row.get("bytes") if isinstance(row, dict) else row for row in rows]
    images = [(each, f"{name} {at}") for at, each in enumerate(contents) if isinstance(each, bytes)]
    if len(images) < len(rows):
        raise refused(
            f"Column {name[:60]!r} names images that are not in the file.",
            "Embed them: dataset.save_to_disk(folder), or a zip of folders of images.",
        )
    return stacked(iter(images), len(images), resize)
