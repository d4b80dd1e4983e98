"""The tensors of a state dict grouped by the module that owns them, in the order of layers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minimascope.intake.values.checkpoint import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Group:
    """One module's tensors by leaf name ("weight", "bias", …); `name` is its dotted path."""

    name: str
    tensors: dict[str, Tensor]

    def key(self, leaf: str) -> str:
        """The full key of one of its tensors."""
        return f"{self.name}.{leaf}" if self.name else leaf


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key that puts 2 before 10: digits as numbers, other text as text."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def groups(checkpoint: Checkpoint) -> list[Group]:
    """Groups in saved order; in natural order of names where the saved order is unknown."""
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in checkpoint.tensors.items():
        owner, _, leaf = key.rpartition(".")
        found.setdefault(owner, {})[leaf] = tensor
    names = list(found) if checkpoint.ordered else sorted(found, key=natural)
    return [Group(name, found[name]) for name in names]
