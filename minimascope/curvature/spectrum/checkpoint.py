"""Keeps the Krylov state of a long run on disk, so that a killed job resumes instead of restarting.

One `.npz` without pickle, replaced atomically. It belongs to one problem: a state of other
parameters, data, seed or block width is ignored, and so is a file that cannot be read.
"""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from minimascope.curvature.krylov.block import Krylov
from minimascope.curvature.minimum.minimum import Minimum
from minimascope.curvature.products.operators import Operator

EVERY = 5.0  # seconds between saves
SHARE = 10  # a save that takes s seconds is followed by at least SHARE·s of work


class Keeper:
    """Saves one run's state to `path` every few seconds; does nothing where `path` is None."""

    def __init__(self, path: Path | None, key: str) -> None:
        self.path, self.key = path, key
        self._next = time.monotonic() + EVERY

    def resume(self, operator: Operator, state: Krylov) -> None:
        """Fills a fresh state from the file if it holds the same run, and its product count."""
        stored = self._stored(state)
        if stored is None:
            return
        state.size = stored["basis"].shape[0]
        state.basis[: state.size] = torch.from_numpy(stored["basis"]).to(state.basis)
        state.projection[: state.size, : state.size] = torch.from_numpy(stored["projection"])
        state.block = torch.from_numpy(stored["block"]).to(state.basis)
        state.coupling = torch.from_numpy(stored["coupling"])
        state.scale = float(stored["scale"])
        state.restarted = bool(stored["restarted"])
        state.images = None  # they would double the file; residuals cost a product a pair instead
        operator.counter.products += int(stored["products"])

    def _stored(self, state: Krylov) -> dict[str, np.ndarray] | None:
        if self.path is None or not self.path.exists():
            return None
        try:
            with self.path.open("rb") as raw:  # np.load leaves a path open where it fails
                file = np.load(raw, allow_pickle=False)
                stored = {name: file[name] for name in file.files}
            same = str(stored["key"]) == self._full_key(state)
            fits = stored["basis"].shape[0] <= state.basis.shape[0]
        except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile):
            return None
        return stored if same and fits else None

    def _full_key(self, state: Krylov) -> str:
        return f"{self.key} {state.width} {state.basis.shape[1]} {state.basis.dtype}"

    def keep(self, operator: Operator, state: Krylov) -> None:
        """Saves if the last save is long enough ago."""
        if self.path is None or time.monotonic() < self._next:
            return
        begun = time.monotonic()
        temporary = self.path.with_name(self.path.name + ".writing")
        with temporary.open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                key=np.array(self._full_key(state)),
                basis=_array(state.rows),
                projection=_array(state.projection[: state.size, : state.size]),
                block=_array(state.block),
                coupling=_array(state.coupling),
                scale=np.array(state.scale),
                restarted=np.array(state.restarted),
                products=np.array(operator.products),
            )
        os.replace(temporary, self.path)
        now = time.monotonic()
        self._next = now + max(EVERY, SHARE * (now - begun))

    def forget(self) -> None:
        """Removes the file of a finished run."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def fingerprint(minimum: Minimum) -> str:
    """SHA-256 of network, parameters and training set: what the Hessian depends on."""
    digest = hashlib.sha256(f"{minimum.network} {minimum.loss} {minimum.names}".encode())
    buffers = list(minimum.network.buffers())
    for tensor in (minimum.theta, *buffers, minimum.inputs, minimum.targets):
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(_array(tensor.contiguous().reshape(-1).view(torch.uint8)).data)
    return digest.hexdigest()
