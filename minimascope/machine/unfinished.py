"""Where a job's unfinished numbers wait for its next attempt on this machine.

A folder a job, in one of this user's in the temporary directory: it outlives the worker that wrote
it. Whoever ends the job removes it; what nobody came back for goes after two days.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

KEPT_SECONDS = 2 * 24 * 3600.0


def folder() -> Path | None:
    """The folder, made where it is missing; None where it cannot be trusted or made."""
    path = Path(tempfile.gettempdir()) / f"minimascope-unfinished-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return path if private and found.st_uid == os.getuid() else None


def unfinished(job: str) -> Path | None:
    """The folder of one job (a hexadecimal id), not made yet; None where nothing can be kept."""
    home = folder()
    return home / job if home and job.isalnum() else None


def kept_in(unfinished: Path | None, what: str) -> Path | None:
    """The file in a job's folder for one of its long runs; makes the folder."""
    if unfinished is None:
        return None
    unfinished.mkdir(mode=0o700, exist_ok=True)
    return unfinished / f"{what}.npz"


def forget(job: str) -> None:
    """Removes one job's folder."""
    if path := unfinished(job):
        shutil.rmtree(path, ignore_errors=True)


def forget_old() -> None:
    """Removes what has not been written to for two days."""
    home = folder()
    for path in home.iterdir() if home else ():
        try:
            old = path.stat().st_mtime < time.time() - KEPT_SECONDS
        except FileNotFoundError:  # another worker was faster
            continue
        if old and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif old:  # an earlier version kept single files
            path.unlink(missing_ok=True)
