"""Processes as Linux tells of them in /proc: who started whom, and whether one gets on."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Pid and the fields of /proc/pid/stat from the state on (proc_pid_stat(5), field 3)."""
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()


def descendants(pid: int) -> list[int]:
    """Everything it started that still runs, what they started included; not itself."""
    children: dict[int, list[int]] = {}
    for each, fields in _stats():
        children.setdefault(int(fields[1]), []).append(each)
    found = list(children.get(pid, []))
    for each in found:  # grows while it is walked
        found += children.get(each, [])
    return found


def kill_all(pid: int) -> None:
    """SIGKILL to a process and everything below it: what is stopped ends by no other signal."""
    for each in (*reversed(descendants(pid)), pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def session_nanoseconds(session: int) -> int | None:
    """Processor time of all threads of a session so far, in ns; None where Linux does not say.

    A thread that as much as wakes up uses some; one that ends takes its own out of the sum.
    """
    used = 0
    for each, fields in _stats():
        if int(fields[3]) != session:
            continue
        for path in (PROC / str(each) / "task").glob("*/schedstat"):
            try:
                used += int(path.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
            except (OSError, ValueError, IndexError):
                return None
    return used or None


def age() -> float:
    """Seconds since this process was started, before Python was there; 0 where Linux does not say.

    proc_pid_stat(5), field 22, in clock ticks since boot.
    """
    try:
        started = int((PROC / "self" / "stat").read_text().rpartition(")")[2].split()[19])
        running = float((PROC / "uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, running - started / os.sysconf("SC_CLK_TCK"))
