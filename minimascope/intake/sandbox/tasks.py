"""What the sandboxed process can be asked to do with one open file.

Each task reads `source`, writes tensors as safetensors to `output` and returns JSON values.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import torch

from minimascope.intake.sandbox import weight_tasks
from minimascope.intake.sandbox.checkpoint_task import convert_checkpoint
from minimascope.intake.sandbox.dataset_task import convert_dataset
from minimascope.weight_matrices.row import row

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
