"""A folder of this process below a shared one: whoever clears up sees that its owner lives.

The lock is on the folder itself and ends with the process, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from pathlib import Path


class OwnFolder:
    """Made when it is first asked for; `parent` may be shared with other processes."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._process = 0

    def path(self) -> Path:
        """Made anew in a forked process, and where it was removed."""
        if self._path is None or self._process != os.getpid() or not self._path.is_dir():
            self._path, self._process = _locked(self._parent), os.getpid()
        return self._path


def _locked(parent: Path) -> Path:
    while True:
        path = parent / uuid.uuid4().hex
        path.mkdir(mode=0o700)
        held = _lock(path)
        # Somebody who clears up may have come in between.
        if held is not None and path.is_dir():
            return path


def _lock(path: Path) -> int | None:
    """The descriptor that holds it, None where another does."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def clear_orphans(parent: Path) -> None:
    """Removes the folders of processes that have ended, and files that lie beside them."""
    for path in parent.iterdir():
        if not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        held = _lock(path)
        if held is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(path)
            os.close(held)
