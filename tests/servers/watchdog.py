"""Kills what the tests started where the tests themselves were killed.

A program: it reads `+ PID` and `- PID` lines. When its input ends, the process groups that are
still listed are killed. Nothing that a crashed or killed test run started outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

_started: list[subprocess.Popen[str]] = []
_lock = threading.Lock()


def watch(pid: int) -> None:
    """From now on this process, the head of its group, ends with the tests."""
    _say(f"+ {pid}")


def unwatch(pid: int) -> None:
    """It has ended, and its number may be another's."""
    _say(f"- {pid}")


def _say(line: str) -> None:
    with _lock:
        if not _started:
            command = [sys.executable, __file__]
            _started.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
            )
        told = _started[0].stdin
        assert told
        told.write(f"{line}\n")
        told.flush()


def _main() -> None:
    watched: set[int] = set()
    for line in sys.stdin:
        sign, pid = line.split()
        (watched.add if sign == "+" else watched.discard)(int(pid))
    for pid in watched:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    _main()
