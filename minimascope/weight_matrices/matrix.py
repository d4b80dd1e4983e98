"""A weight as a matrix that is never whole in memory as doubles: blocks of rows, one at a time.

A weight of shape (out, in, …) is the matrix out × (in · …), as it acts on flattened patches. It is
looked at along its longer side, so that products of it are small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 1 << 21  # numbers turned into doubles at a time: 16 MiB


@dataclass(frozen=True)
class Matrix:
    """`weight` (m × n), or its difference from `before` (m × n)."""

    weight: Tensor
    before: Tensor | None = None

    @classmethod
    def of(cls, tensor: Tensor, before: Tensor | None = None) -> Matrix | None:
        """None for what has fewer than two sizes or no numbers: it is no matrix."""
        if tensor.ndim < 2 or tensor.numel() == 0:
            return None
        flat = None if before is None else before.reshape(before.shape[0], -1)
        return cls(tensor.reshape(tensor.shape[0], -1), flat)

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape[0], self.weight.shape[1]

    @property
    def short(self) -> int:
        """How many singular values there are."""
        return min(self.shape)

    @property
    def long(self) -> int:
        return max(self.shape)

    def tall_blocks(self) -> Iterator[Tensor]:
        """Blocks (≤ rows × short, float64) of the matrix or its transpose, whichever is tall."""
        wide = self.shape[0] < self.shape[1]
        weight = self.weight.T if wide else self.weight
        before = self.before.T if wide and self.before is not None else self.before
        rows = max(1, BLOCK // self.short)
        for start in range(0, self.long, rows):
            block = weight[start : start + rows].double()
            if before is not None:
                block -= before[start : start + rows].double()
            yield block

    def gram(self) -> Tensor:
        """W'W (short × short) of the tall matrix W."""
        found = torch.zeros(self.short, self.short, dtype=torch.float64)
        for block in self.tall_blocks():
            found.addmm_(block.T, block)
        return found

    def gram_times(self, vectors: Tensor) -> Tensor:
        """W'(W V) for V (short × k)."""
        found = torch.zeros_like(vectors)
        for block in self.tall_blocks():
            found.addmm_(block.T, block @ vectors)
        return found
