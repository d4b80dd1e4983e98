"""What training added to the loss: ½ Σ_j P_j θ_j², P_j the weight decay of parameter j's tensor.

Weight decay is told as people set it: for all, for matrices only (tensors of two dimensions or
more, as transformers, timm and nanoGPT do), by a pattern of names, or by a table of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from minimascope.objective.checks import check_usable

Shapes = Mapping[str, torch.Size]


@dataclass(frozen=True)
class Penalty:
    """Weight decay where `on` says ("all", "matrices" or a pattern); None where it is not known.

    table: weight decay by pattern, the first that fits; tensors that fit none follow the rest.
    """

    weight_decay: float | None = None
    on: str = "all"
    table: Mapping[str, float] | None = None

    @property
    def known(self) -> bool:
        """Whether anything was told."""
        return self.weight_decay is not None or self.table is not None

    def of(self, shapes: Shapes, like: Tensor) -> Tensor:
        """Weight decay of every parameter (p,), tensors in the order of `shapes`, like `like`."""
        decays = self.by_name(shapes)
        return torch.cat([like.new_full((shapes[k].numel(),), x) for k, x in decays.items()])

    def by_name(self, shapes: Shapes) -> dict[str, float]:
        """Weight decay of every tensor.

        Raises ValueError where a value is none, or a pattern fits no tensor.
        """
        self._check(shapes)
        return {name: self._of(name, len(shape)) for name, shape in shapes.items()}

    def _of(self, name: str, ndim: int) -> float:
        for pattern, decay in (self.table or {}).items():
            if fnmatchcase(name, pattern):
                return decay
        fits = self.on == "all" or (ndim >= 2 if self.on == "matrices" else fits_any(name, self.on))
        return (self.weight_decay or 0.0) if fits else 0.0

    def _check(self, shapes: Shapes) -> None:
        check_usable("weight_decay", self.weight_decay)
        for pattern, decay in (self.table or {}).items():
            check_usable(f"decay_table of {pattern!r}", decay)
            refuse_idle("decay_table", pattern, shapes)
        if self.on not in ("all", "matrices"):
            refuse_idle("decay_on", self.on, shapes)


def fits_any(name: str, *patterns: str) -> bool:
    """Whether a name fits one of some patterns (*, ? and [] as in file names)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def refuse_idle(field: str, pattern: str, names: Mapping[str, object]) -> None:
    """Raises ValueError where a pattern fits none of the names."""
    if not any(fits_any(name, pattern) for name in names):
        some = ", ".join(list(names)[:5]) + (", …" if len(names) > 5 else "")
        raise ValueError(f"{field}: {pattern!r} fits no parameter; there are {some}.")
