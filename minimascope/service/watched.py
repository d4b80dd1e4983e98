"""A worker's process as whoever started it watches it: ended or fallen silent, it starts again.

The process tells its watcher through a pipe that it gets on, and for how long the watcher may wait
for the next word. One that was stopped (SIGSTOP), hangs or waits for itself says nothing; it is
killed with everything it started. Standard library alone, so that a watcher stays small.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from minimascope.machine.processes import kill_all

log = logging.getLogger("minimascope.worker")
WATCH_SECONDS = 0.2
START_SECONDS = 120.0  # for the first word: a busy machine imports slowly
LIVED_SECONDS = 10.0  # one that ends sooner is waited for a little longer each time
LONGEST_PAUSE = 10.0
WORD = 32  # bytes; longer than any number


class Watched:
    """One process, `command` with `--pulse DESCRIPTOR` after it; `look` at it often."""

    def __init__(
        self, command: Sequence[str], *, environment: dict[str, str], log: Path | None = None
    ) -> None:
        """Its words go to `log`, to our own standard error where there is none."""
        self._command, self._environment, self._log = list(command), environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self._pulse = -1
        self._pause, self._due = 0.0, 0.0

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """In a session of its own, its standard input a pipe that ends with us."""
        self._pulse, theirs = os.pipe()
        os.set_blocking(self._pulse, False)
        try:
            with contextlib.ExitStack() as stack:
                said = stack.enter_context(self._log.open("ab")) if self._log else None
                self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                    [*self._command, f"--pulse={theirs}"],
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=said,
                    stderr=said,
                    pass_fds=[theirs],
                    start_new_session=True,
                )
        finally:
            os.close(theirs)
        self._born = time.monotonic()
        self._patience = self._born + START_SECONDS

    def look(self) -> None:
        """Starts it again where it has ended or is silent for longer than it announced."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self.start()
            return
        if self._process.poll() is None:
            self._listen(now)
            if now < self._patience:
                return
            log.error("worker %d is frozen: started again", self.pid)
            kill_all(self.pid)
        lived = now - self._born
        self._bury()
        self._pause = 0.0 if lived > LIVED_SECONDS else min(2 * self._pause + 0.2, LONGEST_PAUSE)
        self._due = now + self._pause

    def _listen(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            while words := os.read(self._pulse, 64 * WORD):
                with contextlib.suppress(ValueError, IndexError):
                    self._patience = now + float(words.split()[-1])

    def tell_to_stop(self) -> None:
        if self._process:
            self._process.terminate()

    def stop(self, seconds: float) -> None:
        """Waits for it after `tell_to_stop`; kills it, and what it started, after so long."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_all(self.pid)
        self._bury()

    def _bury(self) -> None:
        assert self._process
        self._process.wait()
        os.close(self._pulse)
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = None
