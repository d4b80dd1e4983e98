"""How often something may happen for one address or person within a minute."""

from __future__ import annotations

from collections import defaultdict, deque

from minimascope.contract.problems import ProblemError

WINDOW_SECONDS = 60.0


class Rate:
    """At most `limit` counted events of one key in the last minute, in this process."""

    def __init__(self, limit: int, code: str, sentence: str) -> None:
        self._limit, self._code, self._sentence = limit, code, sentence
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)
        self._swept = 0.0

    def check(self, key: str, *, now: float) -> None:
        """Raises ProblemError (429) where the limit is reached; `now` by a steady clock."""
        times = self._times[key]
        while times and times[0] < now - WINDOW_SECONDS:
            times.popleft()
        if not times:
            self._times.pop(key, None)
        if len(times) >= self._limit:
            raise ProblemError(self._code, self._sentence)

    def count(self, key: str, *, now: float) -> None:
        self._times[key].append(now)
        if now > self._swept + WINDOW_SECONDS:
            self._swept = now
            self._forget(before=now - WINDOW_SECONDS)

    def _forget(self, *, before: float) -> None:
        """Whoever came once and never again takes no room."""
        old = [key for key, times in list(self._times.items()) if not times or times[-1] < before]
        for key in old:
            self._times.pop(key, None)
