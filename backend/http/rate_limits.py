"""How often something may happen for one address or person within a minute, or at one time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from minimascope.contract.problems import ProblemError

WINDOW_SECONDS = 60.0


class Rate:
    """How many counted events one key had in the last minute, in this process.

    `came` says in the refusal what they are ("uploads came").
    """

    def __init__(self, code: str, came: str) -> None:
        self._code, self._came = code, came
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)
        self._swept = 0.0

    def check(self, key: str, *, limit: int, now: float) -> None:
        """Raises ProblemError (429) where the limit is reached; `now` by a steady clock."""
        times = self._times[key]
        while times and times[0] < now - WINDOW_SECONDS:
            times.popleft()
        if not times:
            self._times.pop(key, None)
        if len(times) >= limit:
            sentence = f"{limit} {self._came} from here within a minute: no more are taken."
            raise ProblemError(self._code, sentence)

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


class Crowd:
    """At most `most` at one time of one key, in this process; any number of the key ""."""

    def __init__(self, most: int, code: str) -> None:
        self._most, self._code = most, code
        self._inside: Counter[str] = Counter()

    @contextmanager
    def one_of(self, key: str) -> Iterator[None]:
        """Raises ProblemError (429) where as many are inside as may."""
        if key and self._inside[key] >= self._most:
            raise ProblemError(self._code, f"{self._most} of your requests are not answered yet.")
        self._inside[key] += 1
        try:
            yield
        finally:
            self._inside[key] -= 1
            if not self._inside[key]:
                del self._inside[key]
