"""The worker processes of `serve`: started, watched, started again, stopped."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.cli.log_files import rotate
from minimascope.machine.cores import usable_cores

# A worker and its log are named after the first; a machine without a GPU drops that queue itself.
WORKERS = {"inspections": "inspections", "analyses": "analyses,gpu"}
WATCH_SECONDS = 0.2
STOP_SECONDS = 6.0


class Fleet:
    """A worker for inspections, which never wait behind an analysis, and some for analyses.

    Several share long analyses; each then uses its part of the cores.
    """

    def __init__(
        self,
        environment: dict[str, str],
        log_folder: Path,
        *,
        child: str | None = None,
        analyses: int = 1,
    ) -> None:
        self._environment, self._log_folder, self._child = environment, log_folder, child
        self._queues = WORKERS | {f"analyses-{i}": "analyses" for i in range(2, analyses + 1)}
        if analyses > 1:
            threads = str(max(1, usable_cores() // analyses))
            self._environment = {"OMP_NUM_THREADS": threads, **environment}
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._keep_alive, daemon=True)

    def __enter__(self) -> Self:
        self._log_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for queue in self._queues:
            self._workers[queue] = self._start(queue)
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._watch.join()
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            _close(worker)

    def _start(self, queue: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "minimascope", "worker", "--with-parent"]
        command += [
            f"--queues={self._queues[queue]}",
            *([f"--child={self._child}"] if self._child else []),
        ]
        with (self._log_folder / f"worker-{queue}.log").open("ab") as log:
            # Out of our session: Ctrl-C reaches serve alone, which stops its workers in order.
            return subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep_alive(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            rotate(self._log_folder)
            for queue, worker in self._workers.items():
                if worker.poll() is not None:
                    _close(worker)
                    self._workers[queue] = self._start(queue)


def _close(worker: subprocess.Popen[bytes]) -> None:
    if worker.stdin:
        with contextlib.suppress(OSError):
            worker.stdin.close()
