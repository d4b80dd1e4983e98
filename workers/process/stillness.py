"""A child that neither speaks nor uses a processor: it was stopped, or waits for itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from minimascope.machine.processes import session_nanoseconds


class Stillness:
    """Of one child's session; ask every now and then, most often at no cost."""

    def __init__(
        self,
        session: int,
        patience: float,
        *,
        used: Callable[[int], int | None] = session_nanoseconds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: seconds without any processor time after which it counts as frozen."""
        self._session, self._patience, self._used, self._clock = session, patience, used, clock
        self._last, self._looked = used(session), clock()
        self._since = self._looked

    def moved(self) -> None:
        """It spoke."""
        self._since = self._clock()

    def frozen(self) -> bool:
        now, pause = self._clock(), self._patience / 8
        if now - self._since < pause or now - self._looked < pause:
            return False
        if now - self._looked > self._patience:  # we did not look ourselves: nothing is known
            self._since = now
        used, self._looked = self._used(self._session), now
        if used is None or used != self._last:
            self._last, self._since = used, now
        return now - self._since > self._patience
