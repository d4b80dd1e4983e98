"""Notices that the wall clock was set.

Leases are wall-clock times, because several API processes share them. A clock that jumps ahead
would end every lease at once, one that jumps back would keep a dead worker's for as long as it
jumped: after a jump every lease is granted anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable

JUMP_SECONDS = 1.0


class WallClock:
    """Compares the wall clock with the monotonic one, from look to look."""

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()

    def look(self) -> tuple[float, bool]:
        """The time, and whether it was set by more than a second since the last look."""
        # One reading for both: it may be set between two.
        now, before = self._wall(), self._apart
        self._apart = now - self._steady()
        return now, abs(self._apart - before) > JUMP_SECONDS
