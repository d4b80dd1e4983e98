"""What is in a file, for the upload page: nothing here loads torch in the calling process."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from workers.intake.checkpoint import convert_checkpoint, file_sha256
from workers.intake.data import convert_dataset

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _is_buffer(name: str) -> bool:
    return name.rsplit(".", 1)[-1] in _BUFFERS


def suggest(tensors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Architectures the shapes allow; an MLP's widths, its activation left to the user."""
    widths: list[int] = []
    for row in tensors:
        shape, leaf = row["shape"], row["name"].rsplit(".", 1)[-1]
        if leaf == "weight" and len(shape) == 2:
            if widths and widths[-1] != shape[1]:
                return []
            widths = (widths or [shape[1]]) + [shape[0]]
        elif not (leaf == "bias" and widths and shape == [widths[-1]]):
            return []
    return [{"family": "mlp", "widths": widths, "activation": None}] if widths else []


def inspect_checkpoint(path: Path, *, workdir: Path) -> dict[str, Any]:
    """Format, sha256, picked, parameters, dtype, layers (name, shape, dtype), suggested, warnings.

    `parameters` counts trainable numbers (buffers of BatchNorm left out); `suggested` lists
    specs with `"activation": None`, which only the user knows. Raises ProblemError as
    `read_checkpoint` does. `workdir` is not written to.
    """
    found = convert_checkpoint(path, output=None)
    layers, program = found.pop("tensors"), found.pop("graph", None)
    weights = [row for row in layers if not _is_buffer(row["name"])]
    if program is not None:
        weights = [row for row in layers if row["name"] in set(program["trainable"])]
    dtypes = sorted({row["dtype"] for row in weights})
    return {
        **found,
        "parameters": sum(math.prod(row["shape"]) for row in weights),
        "dtype": ", ".join(dtypes),
        "layers": layers,
        "suggested": suggest(layers) if program is None else [],
    }


def inspect_dataset(path: Path, *, workdir: Path) -> dict[str, Any]:
    """Format, sha256, n, input_shape, dtype, range, target_kind ("classes" or "numbers"),

    target_shape, classes, class_counts, names, warnings. Raises ProblemError as `read_dataset`
    does. `workdir` is not written to.
    """
    return {**convert_dataset(path, output=None), "sha256": file_sha256(path)}
