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

    def now(self) -> float:
        return self._wall()

    def jumped(self) -> bool:
        """Whether it was set by more than a second since the last time this was asked."""
        before, self._apart = self._apart, self._wall() - self._steady()
        return abs(self._apart - before) > JUMP_SECONDS
