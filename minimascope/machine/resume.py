"""Where a job's unfinished numbers wait for its next attempt on this machine.

One file a job for the eigenvalues and one for the gap, in a folder of this user's in the temporary
directory: they outlive the worker that wrote them. Whoever ends the job removes them; what nobody
came back for goes after two days.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from pathlib import Path

GAP_SUFFIX = ".gap"
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


def state_path(job: str) -> Path | None:
    """The eigenvalue file of one job (a hexadecimal id), None where nothing can be kept."""
    home = folder()
    return home / f"{job}.npz" if home and job.isalnum() else None


def forget(job: str) -> None:
    """Removes one job's files."""
    path = state_path(job)
    if path:
        path.unlink(missing_ok=True)
        path.with_suffix(GAP_SUFFIX).unlink(missing_ok=True)


def forget_old() -> None:
    """Removes what has not been written to for two days."""
    home = folder()
    for path in home.iterdir() if home else ():
        try:
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink(missing_ok=True)
        except FileNotFoundError:  # another worker was faster
            continue
