"""Keeps a job's lease while its child works, and hears of cancellation."""

from __future__ import annotations

import logging
import threading
from typing import Any, Literal

import httpx

from workers.delivery import ClaimedJob, Delivery, LostJobError

log = logging.getLogger("minimascope.worker")
Stop = Literal["cancelled", "lost"]
# Cancellation is heard at a heartbeat and promised within two seconds.
LONGEST_PAUSE = 0.8
SHORTEST_PAUSE = 0.1


class Heartbeat:
    """A thread that reports the newest progress; `stop` says why the work should end."""

    def __init__(self, delivery: Delivery, job: ClaimedJob) -> None:
        self._delivery, self._job = delivery, job
        self._lock = threading.Lock()
        self._progress, self._message = 0.0, ""
        self._stages: dict[str, dict[str, Any]] = {}
        self._due, self._ended = threading.Event(), threading.Event()
        self._pause = min(LONGEST_PAUSE, job.lease_seconds / 3)
        self.stop: Stop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def progress(self, fraction: float, message: str) -> None:
        with self._lock:
            self._progress = min(max(fraction, self._progress), 1.0)
            self._message = message[:500]
        self._due.set()

    def stage(self, name: str, state: str, seconds: float | None) -> None:
        with self._lock:
            self._stages[name] = {"state": state, "seconds": seconds}
        self._due.set()

    def close(self) -> None:
        """Sends what was not sent yet."""
        self._ended.set()
        self._due.set()
        self._thread.join()
        if self.stop is None:
            self._beat()

    def _run(self) -> None:
        while not self._ended.is_set() and self.stop is None:
            self._due.clear()
            self._beat()
            self._ended.wait(SHORTEST_PAUSE)
            self._due.wait(self._pause)

    def _beat(self) -> None:
        with self._lock:
            state = (self._progress, self._message, dict(self._stages))
        try:
            cancel = self._delivery.heartbeat(
                self._job, progress=state[0], message=state[1], stages=state[2]
            )
        except LostJobError:
            self.stop = "lost"
        except httpx.HTTPError as error:
            log.warning("job %s: heartbeat failed: %s", self._job.id, error)
        else:
            if cancel:
                self.stop = "cancelled"
