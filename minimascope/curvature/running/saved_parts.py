"""Finished parts of a long computation, so that a killed one goes on from them.

Each part has a random stream of its own, so that one that was kept leaves the others as they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from minimascope.curvature.running.clock import Clock
from minimascope.curvature.running.saved_state import Keeper

Part = dict[str, Tensor]
USED, PRODUCTS = "used", "products"


class Parts:
    """Computes each part once.

    clock: the one given, or one that goes on from the time already spent.
    """

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        stored = keeper.stored() or {}
        self._parts = _unpacked(stored)
        self.clock = clock.going_on_from(float(stored.get(USED, 0.0)))
        self.products = int(stored.get(PRODUCTS, 0))

    @property
    def fresh(self) -> bool:
        """Whether nothing has been done before."""
        return not self._parts

    def series(self, name: str) -> list[Part]:
        """The parts "name 1", "name 2", … that are there."""
        found: list[Part] = []
        while (part := self._parts.get(f"{name} {len(found) + 1}")) is not None:
            found.append(part)
        return found

    def once(self, name: str, make: Callable[[], Part], count: Callable[[], int]) -> Part:
        """The part of this name; `count` says how many products were done by its end."""
        if name not in self._parts:
            self._parts[name] = make()
            self._keep(count())
            self.clock.tell(f"matrix-free: {name} done")
        return self._parts[name]

    def _keep(self, products: int) -> None:
        state = {
            f"{name}/{quantity}": values
            for name, part in self._parts.items()
            for quantity, values in part.items()
        }
        spent = {
            USED: torch.tensor(self.clock.used, dtype=torch.float64),
            PRODUCTS: torch.tensor(products),
        }
        self._keeper.keep(state | spent)


def _unpacked(stored: dict[str, Tensor]) -> dict[str, Part]:
    parts: dict[str, Part] = defaultdict(dict)
    for key, values in stored.items():
        name, slash, quantity = key.rpartition("/")
        if slash:
            parts[name][quantity] = values
    return dict(parts)
