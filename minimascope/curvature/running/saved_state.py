"""Keeps the state of a long run on disk, so that a killed job goes on instead of starting again.

One `.npz` without pickle, replaced atomically. It belongs to one run: what was kept for another
key (`minimum.fingerprint`) is ignored, and so is a file that cannot be read.
"""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

EVERY = 5.0  # seconds between saves
SHARE = 10  # a save that takes s seconds is followed by at least SHARE·s of work
KEY = "key"

State = Mapping[str, Tensor]


class Keeper:
    """One run's file; does nothing where `path` is None."""

    def __init__(self, path: Path | None, key: str) -> None:
        self._path, self._key = path, key
        self._next = time.monotonic() + EVERY

    def stored(self) -> dict[str, Tensor] | None:
        """What was kept of this very run, on the CPU; None where nothing was."""
        if self._path is None or not self._path.exists():
            return None
        try:
            with self._path.open("rb") as raw:  # np.load leaves a path open where it fails
                file = np.load(raw, allow_pickle=False)
                found = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile):
            return None
        if str(found.pop(KEY, "")) != self._key:
            return None
        return {name: torch.from_numpy(values) for name, values in found.items()}

    def keep_at_times(self, state: Callable[[], State]) -> None:
        """Keeps a state, made only then, if the last time is long enough ago."""
        if self._path is None or time.monotonic() < self._next:
            return
        begun = time.monotonic()
        self.keep(state())
        now = time.monotonic()
        self._next = now + max(EVERY, SHARE * (now - begun))

    def keep(self, state: State) -> None:
        """Keeps a state now, in place of what was kept before."""
        if self._path is None:
            return
        arrays = {name: each.detach().cpu().numpy() for name, each in state.items()}
        temporary = self._path.with_name(self._path.name + ".writing")
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{KEY: np.array(self._key), **arrays})
        os.replace(temporary, self._path)

    def forget(self) -> None:
        """Removes the file of a finished run."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


NOT_KEPT = Keeper(None, "")
