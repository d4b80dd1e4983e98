"""Finished parts of a long matrix-free sweep, kept in a file so that a killed run goes on.

Each part has a random stream of its own, so that one read from the file leaves the others as they
were. The file belongs to one network, data set, λ and seed; another one is ignored, and so is a
file that cannot be read.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.running.clock import Clock

Part = dict[str, Tensor]


class SweepParts:
    """Computes each part once; does no more than that where `path` is None.

    clock: the one given, or one that goes on from the time already spent.
    """

    def __init__(self, path: Path | None, key: str, clock: Clock) -> None:
        self._path, self._key = path, key
        stored = self._read()
        self._parts: dict[str, Part] = stored["parts"]
        self.clock = clock.going_on_from(stored["used"])
        self.products: int = stored["products"]

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
            self._write(count())
            self.clock.tell(f"matrix-free: {name} done")
        return self._parts[name]

    def _read(self) -> dict[str, Any]:
        nothing: dict[str, Any] = {"parts": {}, "used": 0.0, "products": 0}
        if self._path is None or not self._path.exists():
            return nothing
        try:
            stored = torch.load(self._path, weights_only=True)
            return stored if stored["key"] == self._key else nothing
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
            return nothing

    def _write(self, products: int) -> None:
        if self._path is None:
            return
        beside = self._path.with_name(f"{self._path.name}.part")
        kept = {
            "key": self._key,
            "parts": self._parts,
            "used": self.clock.used,
            "products": products,
        }
        torch.save(kept, beside)
        os.replace(beside, self._path)


def sweep_key(minimum: Minimum, lambdas: Tensor, seed: int) -> str:
    """Of everything that decides the parts."""
    digest = hashlib.sha256(f"{seed}/{minimum.loss}/{minimum.theta.dtype}".encode())
    for tensor in (minimum.theta, minimum.inputs, minimum.targets, lambdas):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
