"""The child process that does a job's work: started, given a job, listened to, ended.

A line on its stdin is a job as JSON; stdin stays open, and its end tells the child that its
supervisor died. It speaks JSON lines on stdout; stderr is kept (its tail) for the log. A child
that says `end` is ready for another job; any other exits after its job.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GRACE_SECONDS = 1.0
LINGER_SECONDS = 10.0
STDERR_LINES = 40
# Longer lines are refused: a child that went wrong must not fill the supervisor's memory.
MAX_LINE = 1 << 20


class ChildProcess:
    """One running child in a session of its own, so that ending it ends what it started."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours, never a user's
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue(maxsize=1000)
        self._stderr: collections.deque[str] = collections.deque(maxlen=STDERR_LINES)
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_stdout, self._read_stderr)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def session(self) -> int:
        """What it starts belongs to it too."""
        return self._process.pid

    def tell(self, document: dict[str, Any]) -> None:
        """Hands over a job. A child that died meanwhile is noticed at the end of its events."""
        stdin = self._process.stdin
        assert stdin
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(document).encode() + b"\n")
            stdin.flush()

    def _read_stdout(self) -> None:
        """Puts every event, then None where the child said its last."""
        stdout = self._process.stdout
        assert stdout
        while line := stdout.readline(MAX_LINE):
            try:
                event = json.loads(line)
            except ValueError:
                self._stderr.append(f"(stdout) {line[:200]!r}")
                continue
            if isinstance(event, dict):
                self.events.put(event)
        self.events.put(None)

    def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr
        while line := stderr.readline(MAX_LINE):
            self._stderr.append(line.decode(errors="replace").rstrip())

    def resident_bytes(self) -> int:
        """Memory that it holds now, without what it started; 0 where it is gone."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        """Exit status of a child that has closed its stdout; negative is the signal that ended it.

        One that lingers has said all it will say: 0, and `end` ends it.
        """
        try:
            return self._process.wait(LINGER_SECONDS)
        except subprocess.TimeoutExpired:
            return 0

    def stderr_tail(self) -> str:
        self._threads[1].join(1.0)
        return "\n".join(self._stderr)

    def end(self) -> None:
        """SIGTERM to the whole session, SIGKILL to what is left, pipes closed. Idempotent."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        # The leader may be gone while what it started is not.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._drain()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _drain(self) -> None:
        """Readers stop at the pipes' ends, which may need room in the queue."""
        for thread in self._threads:
            while thread.is_alive():
                with contextlib.suppress(queue.Empty):
                    self.events.get_nowait()
                thread.join(0.05)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
