"""When somebody was here last, so that a service that nobody uses rests."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

# What workers, probes and scrapers ask day and night.
NOBODYS = ("/api/v1/internal/", "/api/v1/health/", "/api/v1/metrics")
READER_SECONDS = 45.0  # whoever only looks has their way to an upload before them, and is seen then
SENDERS_PAGE = "/upload"  # a person may look for a file for minutes


class Visits:
    """Of this process, whose start is one too, of a reader."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read, self._sent = clock(), -math.inf

    def note(self, path: str, method: str = "GET") -> None:
        if path.startswith(NOBODYS):
            return
        self._read = self._clock()
        if path == SENDERS_PAGE or method not in ("GET", "HEAD"):
            self._sent = self._read

    def within(self, seconds: float) -> bool:
        """Whether a job may come soon: somebody sent something within so many seconds, or looked
        within `READER_SECONDS`."""
        now = self._clock()
        return now - self._sent < seconds or now - self._read < min(seconds, READER_SECONDS)
