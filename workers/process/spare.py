"""The next job's child, started before there is a job.

Importing torch takes seconds, a job of a small file a tenth of one. So a worker keeps one idle
child that has imported everything, touched no device and knows nothing. After an inspection the
same child waits for the next job: what it parsed, it parsed in a sandboxed process of its own.
While nobody is there (the API says so: `workers.presence`) no child waits.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from workers.process.child_process import ChildProcess

# A reused child is exchanged now and then, so that a leak of any kind stays small.
MOST_JOBS = 200


class Spare:
    """At most one idle child; safe to call from any thread."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._idle: ChildProcess | None = None
        self._jobs: dict[ChildProcess, int] = {}
        self._closed = False

    def prepare(self) -> None:
        """Starts the next child unless one waits; does not wait for it to be ready."""
        with self._lock:
            if self._closed or (self._idle and self._idle.alive()):
                return
            if self._idle:
                self._idle.end()
            self._idle = ChildProcess(self._command)

    def rest(self) -> None:
        """Ends the idle child: nobody is there who would wait for the next one."""
        with self._lock:
            child, self._idle = self._idle, None
        if child:
            self.end(child)

    def take(self) -> ChildProcess:
        """The idle child, or a new one where it died or none was prepared."""
        with self._lock:
            child, self._idle = self._idle, None
        if child and not child.alive():
            self.end(child)
            child = None
        child = child or ChildProcess(self._command)
        self._jobs[child] = self._jobs.get(child, 0) + 1
        return child

    def give_back(self, child: ChildProcess) -> None:
        """Keeps a child that ended its job in order for the next one."""
        with self._lock:
            if not self._closed and self._idle is None and self._jobs[child] < MOST_JOBS:
                self._idle = child
                return
        self.end(child)

    def end(self, child: ChildProcess) -> None:
        self._jobs.pop(child, None)
        child.end()

    def close(self) -> None:
        with self._lock:
            child, self._idle, self._closed = self._idle, None, True
        if child:
            self.end(child)
