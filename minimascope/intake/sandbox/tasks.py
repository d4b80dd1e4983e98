"""What the sandboxed process can be asked to do with one open file.

Each task reads `source`, writes tensors as safetensors to `output` and returns JSON values.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.datasets import image_archive, parquet_file, table_file
from minimascope.intake.datasets.array_file import read_npz
from minimascope.intake.datasets.layout import Arrays, lay_out, one_number_each
from minimascope.intake.files import formats, safetensors_format
from minimascope.intake.files.tensor_checks import check_tensors, tied
from minimascope.intake.pt2 import graph
from minimascope.intake.sandbox import weight_tasks
from minimascope.intake.weights import state_dict, torch_file, training, weight_archive
from minimascope.intake.weights.state_dict import Picked
from minimascope.intake.weights.training import Training
from minimascope.weight_matrices.row import row

NONE_TRAINED = (
    "No parameter of the .pt2 has requires_grad, as if none had been trained: all were taken as "
    "trained. Name those that were (trainable), or export the network as it was trained."
)


def tensor_table(tensors: dict[str, Tensor]) -> list[dict[str, Any]]:
    """Name, shape and dtype of each tensor, in order."""
    return [
        {"name": n, "shape": list(t.shape), "dtype": str(t.dtype).removeprefix("torch.")}
        for n, t in tensors.items()
    ]


def convert_checkpoint(
    source: BinaryIO, output: BinaryIO, options: dict[str, Any]
) -> dict[str, Any]:
    """Weights of any accepted format → safetensors; answers format, choices, tensor table."""
    size = formats.size_of(source)
    kind = formats.recognise(source)
    if kind == "safetensors":
        picked, told = state_dict.pick(safetensors_format.read(source, size)), Training()
    elif kind in ("torch_zip", "torch_legacy"):
        if options.get("torch_files") == "refused":
            raise torch_file.not_here()
        saved, said = torch_file.read(source, zipped=kind == "torch_zip")
        told = training.read(saved, file_bytes=size)
        try:
            picked = state_dict.pick(saved, said)
        except ProblemError as problem:
            if not told.without_weights:
                raise problem
            return _only_training(told, said, output)
    elif kind == "pt2":
        return _convert_pt2(source, output, size)
    elif kind == "weight_zip":
        torch_files = options.get("torch_files", "taken")
        return _convert_weight_archive(source, output, size, torch_files=torch_files)
    else:
        what = f"a data set ({kind})" if kind else "no known checkpoint format"
        raise _no_checkpoint(what if size else "empty (0 bytes)")
    format = "safetensors" if kind == "safetensors" else "torch"
    return {"format": format, **_written(picked, told, output, size)}


def _written(picked: Picked, told: Training, output: BinaryIO, size: int) -> dict[str, Any]:
    """Checks and writes the weights, and what the optimiser kept of their gradients."""
    check_tensors(picked.tensors, file_bytes=size)
    tensors, criterion = training.without_criterion(picked.tensors)
    safetensors_format.write({**told.moments, **tensors}, output)
    shared = tied(tensors)
    return {
        "picked": picked.sentence,
        "warnings": [*picked.warnings, *_said_of(shared)],
        "tensors": tensor_table(tensors),
        "tied": shared,
        "training": {**told.facts, **criterion},
    }


def _only_training(told: Training, said: list[str], output: BinaryIO) -> dict[str, Any]:
    """A file of an optimiser's state alone."""
    safetensors_format.write(told.moments, output)
    return {
        "format": "training",
        "picked": "",
        "warnings": said,
        "tensors": [],
        "training": told.facts,
    }


def _said_of(shared: dict[str, str]) -> list[str]:
    pairs = [f"{name[:60]!r} is {kept[:60]!r}" for name, kept in shared.items()]
    return [f"Tied weights are one parameter: {', '.join(pairs[:8])}."] if pairs else []


def _convert_pt2(source: BinaryIO, output: BinaryIO, size: int) -> dict[str, Any]:
    """Weights of a .pt2 → safetensors; answers its program as our own table too."""
    tensors, program = graph.read(source)
    check_tensors(tensors, file_bytes=size)
    safetensors_format.write(tensors, output)
    fixed, said = program["batch"], list[str]()
    if fixed is not None:
        said += [f"The program was exported for a fixed batch of {fixed}; other batches may fail."]
    if program["frozen"] and program["frozen"] == program["trainable"]:
        said += [NONE_TRAINED]
        program["frozen"] = list[str]()
    return {
        "format": "pt2",
        "picked": "",
        "warnings": said,
        "tensors": tensor_table(tensors),
        "graph": program,
    }


def _convert_weight_archive(
    source: BinaryIO, output: BinaryIO, size: int, *, torch_files: str
) -> dict[str, Any]:
    """A zip of files of weights → one; answers the config.json in it too."""
    tensors, config, saved = weight_archive.read(source, torch_files=torch_files)
    told = training.read({**saved, "config": config}, file_bytes=size)
    return {
        "format": "safetensors" if config is None else "huggingface",
        **_written(state_dict.pick(tensors), told, output, size),
        "config": config,
    }


def _no_checkpoint(what: str) -> ProblemError:
    return ProblemError(
        "not_a_checkpoint",
        f"The file is {what}.",
        "Send weights as .safetensors or as a .pt/.pth/.ckpt state dict.",
    )


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


_TASKS = {
    "checkpoint": convert_checkpoint,
    "dataset": convert_dataset,
    "weights_table": weight_tasks.table,
    "weights_rows": weight_tasks.rows,
}


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
    weight = torch.randn(64, 60, generator=torch.Generator().manual_seed(0))
    row("0.weight", weight, all_up_to=0, before=2 * weight)
