"""When somebody was here last, so that a service that nobody uses rests."""

from __future__ import annotations

import time
from collections.abc import Callable

# What workers, probes and scrapers ask day and night.
NOBODYS = ("/api/v1/internal/", "/api/v1/health/", "/api/v1/metrics")


class Visits:
    """Of this process, whose start is one too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def note(self, path: str) -> None:
        if not path.startswith(NOBODYS):
            self._last = self._clock()

    def within(self, seconds: float) -> bool:
        return self._clock() - self._last < seconds
