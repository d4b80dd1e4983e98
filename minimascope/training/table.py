"""Examples as columns of tensors: what batches of a script are made of, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope.training.refusals import data_unusable, named

Key = int | str
TARGETS = ("labels", "label", "targets", "target", "y")
HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Table:
    """n examples: columns (n, ...) on the CPU by name or by place in the batch.

    `target` is the column of targets, None where there is none by its usual name or place;
    `batch_size` that of the loader; `augmented`: inputs differ each time they are asked for.
    """

    columns: dict[Key, Tensor]
    target: Key | None
    batch_size: int | None = None
    augmented: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def n(self) -> int:
        """How many examples."""
        return len(next(iter(self.columns.values())))

    @property
    def inputs(self) -> dict[Key, Tensor]:
        """All columns but the targets."""
        return {key: each for key, each in self.columns.items() if key != self.target}

    def batch(self, columns: Mapping[Key, Any]) -> Any:
        """Columns as the script's batches have them: a dict, or a tuple in order."""
        if any(isinstance(key, str) for key in self.columns):
            return dict(columns)
        return tuple(columns[key] for key in sorted(columns, key=int))


def table_of(batches: Iterable[Any]) -> Table:
    """All batches, one after another. Raises ProblemError data_unusable."""
    parts: dict[Key, list[Tensor]] = {}
    strange: set[Key] = set()
    for batch in batches:
        columns = _columns(batch)
        rows = max((len(each) for each in columns.values() if _is_array(each)), default=0)
        for key, each in columns.items():
            if _is_array(each):
                parts.setdefault(key, []).append(_tensor(key, each, rows))
            else:
                strange.add(key)
    if not parts:
        raise data_unusable("The data gave no batch of numbers: nothing to go over.")
    columns = {key: _joined(key, each) for key, each in parts.items() if key not in strange}
    counts = {key: len(each) for key, each in columns.items()}
    if len(set(counts.values())) > 1:
        raise data_unusable(f"Parts of the batches have different lengths: {counts}.")
    said = [f"Column {str(key)!r:.60} has no numbers, and was left out." for key in strange]
    return Table(columns, _target_of(list(columns)), said=said)


def _columns(batch: Any) -> dict[Key, Any]:
    if isinstance(batch, Mapping):
        return {str(key): each for key, each in batch.items()}
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        return dict(enumerate(batch))
    if isinstance(batch, (tuple, list)) and len(batch) == 1:
        batch = batch[0]
    raise data_unusable(
        f"A batch is a {named(batch)}, not (input, target) and not a dict.",
        "Give batches of inputs with their targets.",
    )


def _is_array(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.ndim > 0
    if isinstance(value, (list, tuple)):
        return bool(value) and isinstance(value[0], (int, float, bool, np.generic))
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim > 0


def _tensor(key: Key, value: Any, rows: int) -> Tensor:
    """On the CPU, in memory of its own, float32 or wider."""
    found = torch.as_tensor(value).detach().cpu()
    if len(found) != rows:
        raise data_unusable(
            f"Part {str(key)!r:.60} of a batch has {len(found)} rows where others have {rows}."
        )
    if found.is_complex() or found.layout != torch.strided:
        raise data_unusable(f"Part {str(key)!r:.60} of a batch is complex or sparse.")
    return found.float() if found.dtype in HALVES else found.clone()


def _joined(key: Key, parts: list[Tensor]) -> Tensor:
    shapes = {tuple(part.shape[1:]) for part in parts}
    if len(shapes) > 1:
        one, other = sorted(shapes)[:2]
        raise data_unusable(
            f"Part {str(key)!r:.60} has examples of shapes {list(one)} and {list(other)}.",
            "Pad all examples to one length (padding='max_length').",
        )
    return torch.cat(parts)


def _target_of(keys: list[Key]) -> Key | None:
    """The usual name, or the last place."""
    if all(isinstance(key, int) for key in keys):
        return max(keys, key=int) if len(keys) > 1 else None
    return next((name for name in TARGETS if name in keys), None)
