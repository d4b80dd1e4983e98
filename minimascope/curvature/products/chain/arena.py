"""Memory that products use over and over.

A product of a small network allocates and frees a megabyte for every layer; the page faults of
that, and caches that never see the same address twice, cost as much as the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor


class Arena:
    """One flat buffer a role, as large as was ever asked for.

    What was taken is valid until the role is taken again: nothing of it may leave a product.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, Tensor] = {}

    def take(self, role: Hashable, shape: Sequence[int], like: Tensor) -> Tensor:
        """Uninitialised memory of this shape, with the dtype and on the device of `like`."""
        size = math.prod(shape)
        held = self._held.get(role)
        if held is None or held.numel() < size or held.dtype != like.dtype:
            self._held.pop(role, None)  # freed before the larger one is made
            held = torch.empty(size, dtype=like.dtype, device=like.device)
            self._held[role] = held
        return held[:size].view(*shape)


class Scratch:
    """An arena's roles of one link."""

    def __init__(self, arena: Arena, owner: Hashable) -> None:
        self._arena, self._owner = arena, owner

    def take(self, role: str, shape: Sequence[int], like: Tensor) -> Tensor:
        """`Arena.take` for this link alone."""
        return self._arena.take((self._owner, role), shape, like)
