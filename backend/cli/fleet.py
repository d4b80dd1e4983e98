"""The worker processes of `serve`: started, watched, started again, stopped."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.cli.log_files import rotate
from minimascope.machine.cores import usable_cores
from minimascope.service.watched import WATCH_SECONDS, Watched

# A worker and its log are named after the first; a machine without a GPU drops that queue itself.
WORKERS = {"inspections": "inspections", "analyses": "analyses,gpu"}
# For a running job to be given back: the API is asked for 10 s, a child has 1 s to end.
STOP_SECONDS = 20.0


class Fleet:
    """A worker for inspections, which never wait behind an analysis, and some for analyses.

    Several share long analyses; each then uses its part of the cores. None at all where `analyses`
    is None: workers run elsewhere.
    """

    def __init__(
        self,
        environment: dict[str, str],
        log_folder: Path,
        *,
        child: str | None = None,
        analyses: int | None = 1,
    ) -> None:
        count = analyses or 0
        queues = WORKERS | {f"analyses-{i}": "analyses" for i in range(2, count + 1)}
        if count > 1:
            threads = str(max(1, usable_cores() // count))
            environment = {"OMP_NUM_THREADS": threads, **environment}
        self._log_folder = log_folder
        log_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._workers = [
            Watched(
                _command(taken, child),
                environment=environment,
                log=log_folder / f"worker-{name}.log",
            )
            for name, taken in queues.items()
            if analyses is not None
        ]
        self._stopping, self._ending = threading.Event(), threading.Lock()
        self._watch = threading.Thread(target=self._keep_alive, daemon=True)

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when all have given back what they worked on and ended. Idempotent."""
        with self._ending:
            self._stopping.set()
            self._watch.join()
            for worker in self._workers:
                worker.tell_to_stop()
            until = time.monotonic() + STOP_SECONDS
            for worker in self._workers:
                worker.stop(max(0.0, until - time.monotonic()))

    def _keep_alive(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            rotate(self._log_folder)
            for worker in self._workers:
                worker.look()


def _command(queues: str, child: str | None) -> list[str]:
    """Pages are looked at on the same machine: where both want its cores, they go first."""
    command = [sys.executable, "-P", "-m", "minimascope", "worker", "--watched", "--nice=10"]
    return [*command, f"--queues={queues}", *([f"--child={child}"] if child else [])]
