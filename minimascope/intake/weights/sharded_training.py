"""Zips of a training over many devices: told apart, joined; one rank's part alone is refused."""

from __future__ import annotations

from typing import Any, BinaryIO

from torch import Tensor

from minimascope.contract.folder_files import SHARD
from minimascope.intake.files.formats import records
from minimascope.intake.weights import distributed_checkpoint, zero_checkpoint
from minimascope.intake.weights.shards import Joined, deepspeed


def read(source: BinaryIO) -> Joined:
    """What the ranks saved together. Raises ProblemError part_of_a_checkpoint, file_damaged…"""
    names = [entry.filename for entry in records(source)]
    if any(name.endswith(SHARD) for name in names):
        return distributed_checkpoint.read(source)
    joined = zero_checkpoint.read(source)
    check(joined.saved)
    return joined


def check(saved: Any) -> None:
    """Raises ProblemError part_of_a_checkpoint where a saved value is one rank's part."""
    if not isinstance(saved, dict) or not {"ds_version", "ds_config"} & set(saved):
        return
    weights = saved.get("module")
    held = weights.values() if isinstance(weights, dict) else ()
    tensors = [tensor for tensor in held if isinstance(tensor, Tensor)]
    # ZeRO 1 and 2 cut the optimiser alone; ZeRO 3 leaves empty tensors in place of the weights.
    if not tensors or any(tensor.numel() == 0 for tensor in tensors):
        raise deepspeed("one rank's part of it, without the others")
