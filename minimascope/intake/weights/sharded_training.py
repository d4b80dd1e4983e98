"""One rank's part of a network that was trained over many: named, with what puts it together."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.known import ZERO

CURE = f"In the folder of the checkpoint run DeepSpeed's own script: {ZERO}; send what it writes."


def deepspeed() -> ProblemError:
    """A part of a DeepSpeed ZeRO checkpoint."""
    return ProblemError(
        "part_of_a_checkpoint",
        "This is one rank's part of a DeepSpeed ZeRO checkpoint: its weights lie in shards.",
        CURE,
    )


def check(saved: Any) -> None:
    """Raises ProblemError part_of_a_checkpoint where a saved value is one rank's part."""
    if not isinstance(saved, dict) or not {"ds_version", "ds_config"} & set(saved):
        return
    weights = saved.get("module")
    held = weights.values() if isinstance(weights, dict) else ()
    tensors = [tensor for tensor in held if isinstance(tensor, Tensor)]
    # ZeRO 1 and 2 cut the optimiser alone; ZeRO 3 leaves empty tensors in place of the weights.
    if not tensors or any(tensor.numel() == 0 for tensor in tensors):
        raise deepspeed()
