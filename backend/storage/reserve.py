"""Room that is kept for removals: a full disk can be emptied through the product.

To delete a row the database writes first. So a file of some size lies beside it, is given up when
something is to be removed from a disk that is full, and made again when there is room for it twice
over. Until then nothing is taken in, which would eat what the removals need.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

RESERVE_BYTES = 32 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """One a data folder; several processes may share it."""

    def __init__(self, folder: Path, size: int = RESERVE_BYTES) -> None:
        self._path, self._size = folder / "reserve", size
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def take(self) -> bool:
        """False where it is given up and the disk has no room for it yet."""
        if self._held():
            return True
        if self._free() < 2 * self._size:
            return False
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            return error.errno not in FULL  # a disk that cannot keep one for us is used without
        return True

    def give_up(self) -> None:
        """Where the disk is, or nearly is, full."""
        if self._free() < self._size // 2:
            self._path.unlink(missing_ok=True)

    def _held(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_blocks * 512 >= self._size
        return False

    def _free(self) -> int:
        return shutil.disk_usage(self._path.parent).free
