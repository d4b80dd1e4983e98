"""How much memory a command and its descendants hold at once, looked at while it runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

EVERY_SECONDS = 0.02


def _resident(pid: int) -> int:
    """Bytes of its own in memory; 0 for one that has ended.

    Pages of mapped files are not counted: the kernel takes them back when it needs the room.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    own = ("RssAnon", "RssShmem")
    return 1024 * sum(int(r.split()[1]) for r in status.splitlines() if r.startswith(own))


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(each for child in children for each in _tree(int(child)))]


def peak_of(arguments: Sequence[str]) -> tuple[int, subprocess.CompletedProcess[str]]:
    """The most that any one process of `python -m minimascope …` held, and how it ended."""
    command = [sys.executable, "-m", "minimascope", *arguments]
    most = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        while True:
            try:
                said, wrong = running.communicate(timeout=EVERY_SECONDS)
                break
            except subprocess.TimeoutExpired:
                most = max(most, *map(_resident, _tree(running.pid)))
    return most, subprocess.CompletedProcess(command, running.returncode, said, wrong)
