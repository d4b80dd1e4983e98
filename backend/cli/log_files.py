"""Logs of workers, kept short: a file that grew too long is put aside, the one before goes."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

MOST_BYTES = 16 << 20


def rotate(folder: Path, *, most: int = MOST_BYTES) -> None:
    """Every `*.log` beyond `most` bytes becomes `*.log.1` and begins anew.

    Its writer keeps the file open and appends to it, so the file itself is cut and not renamed;
    what is written in that moment may be lost.
    """
    for path in folder.glob("*.log"):
        with contextlib.suppress(OSError):  # a full disk: the next round tries again
            if path.stat().st_size > most:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)
