"""What a training over many devices left in shards, joined; and the refusal of what is incomplete.

A shard is never analysed as if it were the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minimascope.contract.problems import ProblemError
from minimascope.intake.files.known import DCP, ZERO
from minimascope.intake.files.taken import Row

_JOINS = {"torch.distributed (FSDP)": DCP, "DeepSpeed ZeRO": ZERO}


@dataclass(frozen=True)
class Joined:
    """What was saved, as torch.load would give it, and a row for each part of the folder."""

    saved: dict[str, Any]
    said: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def fsdp(why: str) -> ProblemError:
    """Shards of torch.distributed.checkpoint that cannot be joined here."""
    return _apart("torch.distributed (FSDP)", why)


def deepspeed(why: str) -> ProblemError:
    """Shards of DeepSpeed that cannot be joined here."""
    return _apart("DeepSpeed ZeRO", why)


def _apart(whose: str, why: str) -> ProblemError:
    return ProblemError(
        "part_of_a_checkpoint",
        f"This is a checkpoint of {whose} in shards: {why}.",
        f"Send its whole folder (zipped), or join it where it lies: {_JOINS[whose]}",
    )
