"""What the sandboxed process can be asked to do with one open file.

Each task reads `source`, writes tensors as safetensors to `output` and returns JSON values.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import torch

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import image_archive, parquet_file, table_file
from minimascope.intake.datasets.array_file import read_npz
from minimascope.intake.datasets.layout import Arrays, lay_out, one_number_each
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.sandbox.checkpoint_task import convert_checkpoint


def _read_arrays(
    source: BinaryIO, label: str | None, aside: list[str]
) -> tuple[str, Arrays, list[str]]:
    """Format, arrays by name, and what was done to them."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    if kind == "npz":
        return kind, read_npz(source), []
    if kind == "image_zip":
        return kind, *image_archive.read(source)
    if kind == "parquet":
        return kind, parquet_file.read(source, label, aside), []
    if kind == "safetensors":
        tensors = safetensors_format.read(source, size)
        floats = {
            n: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
            for n, t in tensors.items()
        }
        return kind, {name: tensor.numpy() for name, tensor in floats.items()}, []
    if kind is None:
        return "csv", table_file.read(source, size, label, aside), []
    raise ProblemError(
        "not_a_dataset",
        "The file is a checkpoint, not a data set.",
        "Send arrays X and y as .npz: numpy.savez(path, X=X, y=y).",
    )


def convert_dataset(source: BinaryIO, output: BinaryIO, options: dict[str, Any]) -> dict[str, Any]:
    """Arrays of any accepted format → `inputs`, `targets`; answers what was found in them.

    Options: `integers` of `lay_out`; `label`, the column or array of labels; `aside`, names of
    columns or arrays that are neither inputs nor labels, written as "aside.NAME" where the file
    has them; `unlabelled` "told" answers the columns of a table whose labels nobody has named yet.
    """
    label, aside = options.get("label"), list(options.get("aside", []))
    try:
        kind, arrays, said = _read_arrays(source, label, aside)
    except ProblemError as problem:
        if problem.code != "label_missing" or options.get("unlabelled") != "told":
            raise
        return _unlabelled(source, problem)
    inputs, targets, summary = lay_out(
        arrays, integers=options.get("integers", "float"), label=label
    )
    tensors = {"inputs": torch.from_numpy(inputs), "targets": torch.from_numpy(targets)}
    for name in aside:
        if name in arrays:
            column = one_number_each(name, arrays[name], len(inputs))
            tensors[f"aside.{name}"] = torch.from_numpy(column)
    safetensors_format.write(tensors, output)
    return {"format": kind, **summary, "warnings": [*said, *summary["warnings"]]}


def _unlabelled(source: BinaryIO, problem: ProblemError) -> dict[str, Any]:
    """The columns of a table, for a person to choose the labels from."""
    size = formats.size_of(source)
    kind = "csv" if formats.recognise(source) is None else "parquet"
    n, found = table_file.columns(source, size) if kind == "csv" else parquet_file.columns(source)
    said = [f"{problem.sentence} Name the column that holds the labels."]
    return {"format": kind, "n": n, "columns": found, "warnings": said}


_TASKS = {"checkpoint": convert_checkpoint, "dataset": convert_dataset}


def perform(
    task: str, source: BinaryIO, output: BinaryIO, options: dict[str, Any]
) -> dict[str, Any]:
    """Runs one task by name."""
    return _TASKS[task](source, output, options)


def rehearse() -> None:
    """Runs every reader once on files made here, so that all their imports have happened."""
    torch.set_num_threads(1)
    checkpoint, arrays = io.BytesIO(), io.BytesIO()
    torch.save({"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}, checkpoint)
    np.savez_compressed(arrays, X=np.zeros((4, 2)), y=np.arange(4))
    for task, file in (
        ("checkpoint", checkpoint),
        ("dataset", arrays),
        ("dataset", io.BytesIO(b"a,b,label\n1,2,cat\n3,4,dog\n")),
    ):
        file.seek(0)
        perform(task, file, io.BytesIO(), {})
