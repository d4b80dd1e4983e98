"""Notices that a job changed, inside one API process.

A notice only shortens the wait: waiters also look at the database at intervals, because another
API process may have made the change.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict


class Changes:
    """Wakes coroutines that wait for a job; `notify` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def notify(self, job: str) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, job)

    def _wake(self, job: str) -> None:
        for event in self._waiting.get(job, ()):
            event.set()

    async def wait(self, job: str, *, seconds: float) -> None:
        """Returns at the next notice, or after `seconds`."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._waiting[job].add(event)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        finally:
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]
