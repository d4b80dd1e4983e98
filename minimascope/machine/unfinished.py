"""Where a job's unfinished numbers wait for its next attempt on this machine.

A folder a job, all of them in one `home` of this user's, where data is kept: it outlives the worker
that wrote it, and its container. Whoever ends the job removes it; what nobody came back for goes
after two days.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

MAKER = "maker"
KEPT_SECONDS = 2 * 24 * 3600.0


def folder(home: Path | None) -> Path | None:
    """`home`, made where it is missing; None where it cannot be trusted or made."""
    if home is None:
        return None
    try:
        home.mkdir(mode=0o700, exist_ok=True, parents=True)
        found = home.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return home if private and found.st_uid == os.getuid() else None


def unfinished(home: Path | None, job: str) -> Path | None:
    """The folder of one job (a hexadecimal id), not made yet; None where nothing can be kept."""
    kept = folder(home)
    return kept / job if kept and job.isalnum() else None


def begun(home: Path | None, job: str, *, maker: str) -> Path | None:
    """The folder of one job for this `maker` (a release of the code); made where it is missing.

    What another release left there is removed: its numbers would go into this one's.
    """
    path = unfinished(home, job)
    if path is None:
        return None
    label = path / MAKER
    try:
        if path.exists() and (not label.exists() or label.read_text() != maker):
            shutil.rmtree(path)
        path.mkdir(mode=0o700, exist_ok=True)
        label.write_text(maker)
    except OSError:  # a full disk: the job is done without it
        return None
    return path


def kept_in(unfinished: Path | None, what: str) -> Path | None:
    """The file in a job's folder for one of its long runs; makes the folder."""
    if unfinished is None:
        return None
    unfinished.mkdir(mode=0o700, exist_ok=True)
    return unfinished / f"{what}.npz"


def forget(home: Path | None, job: str) -> None:
    """Removes one job's folder."""
    if path := unfinished(home, job):
        shutil.rmtree(path, ignore_errors=True)


def forget_old(home: Path | None) -> None:
    """Removes what has not been written to for two days."""
    kept = folder(home)
    for path in kept.iterdir() if kept else ():
        try:
            old = path.stat().st_mtime < time.time() - KEPT_SECONDS
        except FileNotFoundError:  # another worker was faster
            continue
        if old:
            shutil.rmtree(path, ignore_errors=True)
