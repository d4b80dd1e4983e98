"""One open file of data, of any accepted format → inputs and targets, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import (
    image_archive,
    parquet_file,
    splits,
    table_archive,
    table_file,
)
from minimascope.intake.datasets.array_file import read_npz
from minimascope.intake.datasets.found import Found
from minimascope.intake.datasets.image_archive import Size
from minimascope.intake.datasets.layout import Laid, lay_out, one_number_each
from minimascope.intake.datasets.several import Wanted, lay_out_several
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.files.taken import as_values
from minimascope.intake.sandbox import torch_data
from minimascope.intake.weights import torch_file


@dataclass(frozen=True)
class Asked:
    """What is wanted of a file of data: see `convert_dataset`."""

    label: str | None
    aside: list[str]
    role: splits.Role
    torch_files: str
    several: list[Wanted]
    resize: Size | None


_OPEN = ("label_missing", "sizes_differ")  # what a person still can say of a file


def convert_dataset(source: BinaryIO, output: BinaryIO, options: dict[str, Any]) -> dict[str, Any]:
    """Arrays of any accepted format → `inputs`, `targets`; answers what was found in them.

    Options: `integers` of `lay_out`; `label`, the column or array of labels; `aside`, names of
    columns or arrays that are neither inputs nor labels, written as "aside.NAME" where the file
    has them; `resize`, height and width of images; `role`, "train" or "test", where the file holds
    both; `unlabelled` "told" answers the columns of a table whose labels nobody has named yet;
    `several`, name and whether floating of each input of a network that takes more than one:
    "inputs", "inputs.1", … are written.
    """
    role: splits.Role = "test" if options.get("role") == "test" else "train"
    torch_files = options.get("torch_files", "taken")
    several = [Wanted(name, floating) for name, floating in options.get("several", [])]
    aside = list(options.get("aside", []))
    given = options.get("resize")
    size = None if given is None else (int(given[0]), int(given[1]))
    asked = Asked(options.get("label"), aside, role, torch_files, several, size)
    try:
        kind, found = _found(source, asked)
    except ProblemError as problem:
        if problem.code not in _OPEN or options.get("unlabelled") != "told":
            raise
        if problem.code == "sizes_differ":
            said = [f"{problem.sentence} {problem.advice}"]
            return {"format": formats.recognise(source), "warnings": said, "names": []}
        return _unlabelled(source, problem)
    parts, laid = _laid_out(found, asked, options.get("integers", "float"))
    tensors = {"inputs": torch.from_numpy(laid.inputs), "targets": torch.from_numpy(laid.targets)}
    tensors |= {f"inputs.{k}": torch.from_numpy(each) for k, each in enumerate(parts) if k}
    for name in asked.aside:
        if name in found.arrays:
            column = one_number_each(name, found.arrays[name], len(laid.inputs))
            tensors[f"aside.{name}"] = torch.from_numpy(column)
    safetensors_format.write(tensors, output)
    summary = laid.summary
    said = [*found.said, *summary.pop("warnings")]
    return {
        "format": kind,
        **summary,
        "names": summary["names"] or found.classes,
        "inputs_named": found.columns,
        "taken": as_values([*found.rows, *laid.rows]),
        "warnings": said,
    }


def _laid_out(found: Found, asked: Asked, integers: str) -> tuple[list[np.ndarray], Laid]:
    if asked.several:
        told = {"label": asked.label, "aside": asked.aside}
        return lay_out_several(found.arrays, asked.several, **told)
    return [], lay_out(found.arrays, integers=integers, label=asked.label, aside=asked.aside)


def _found(source: BinaryIO, asked: Asked) -> tuple[str, Found]:
    """Format, and arrays for one purpose by name."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    if kind is None:
        return "csv", table_file.read(source, size, asked.label, asked.aside)
    if kind == "table_zip":
        kind, found = table_archive.read(
            source, asked.role, asked.label, asked.aside, asked.several, asked.resize
        )
    elif kind in _READERS:
        found = _READERS[kind](source, size, asked)
    else:
        raise torch_data.checkpoint()
    arrays, said, rows = splits.arrays_for(found.arrays, asked.role, asked.label)
    return kind, replace(found, arrays=arrays, said=[*found.said, *said], rows=[*found.rows, *rows])


def _safetensors(source: BinaryIO, size: int, _asked: Asked) -> Found:
    tensors = safetensors_format.read(source, size)
    return Found({name: torch_data.as_array(tensor) for name, tensor in tensors.items()})


def _torch(source: BinaryIO, size: int, asked: Asked, *, zipped: bool) -> Found:
    if asked.torch_files == "refused":
        raise torch_file.not_here()
    inputs = max(len(asked.several), 1)
    return Found(torch_data.read(source, zipped=zipped, size=size, inputs=inputs))


_READERS: dict[str, Callable[[BinaryIO, int, Asked], Found]] = {
    "npz": lambda source, _size, _asked: Found(read_npz(source)),
    "image_zip": lambda source, _size, asked: image_archive.read(source, asked.role, asked.resize),
    "parquet": lambda source, _size, asked: parquet_file.read(
        source, asked.label, asked.aside, asked.several, asked.resize
    ),
    "safetensors": _safetensors,
    "torch_zip": lambda source, size, asked: _torch(source, size, asked, zipped=True),
    "torch_legacy": lambda source, size, asked: _torch(source, size, asked, zipped=False),
}


def _unlabelled(source: BinaryIO, problem: ProblemError) -> dict[str, Any]:
    """The columns of a table, for a person to choose the labels from."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    if kind == "table_zip":
        raise problem
    n, found = parquet_file.columns(source) if kind else table_file.columns(source, size)
    said = [f"{problem.sentence} Name the column that holds the labels."]
    return {"format": kind or "csv", "n": n, "columns": found, "warnings": said}
