"""Notices that a job changed, inside one API process.

A notice only shortens the wait: waiters also look at the database at intervals, because another
API process may have made the change.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any


class Listener:
    """Remembers a notice that comes between two waits, so that none is missed."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self, *, seconds: float) -> None:
        """Returns at the first notice since the last return, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.event.wait(), seconds)
        self.event.clear()


class Notifications:
    """Wakes coroutines that wait for a job; `notify` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._looks: dict[str, asyncio.Future[Any]] = {}

    def notify(self, job: str) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, job)

    def _wake(self, job: str) -> None:
        # A look that began before this notice may not show what it is about.
        self._looks.pop(job, None)
        for listener in self._listeners.get(job, ()):
            listener.event.set()

    async def look(self, job: str, ask: Callable[[str], Any]) -> Any:
        """`ask(job)` in a thread, once for all who look at this job at the same time."""
        look = self._looks.get(job)
        if look is None:
            look = self._looks[job] = asyncio.ensure_future(asyncio.to_thread(ask, job))
            look.add_done_callback(lambda done: self._forget(job, done))
        # One reader that leaves must not end the look of the others.
        return await asyncio.shield(look)

    def _forget(self, job: str, look: asyncio.Future[Any]) -> None:
        if self._looks.get(job) is look:
            del self._looks[job]
        if not look.cancelled():
            look.exception()  # heard by whoever still waits

    @contextlib.contextmanager
    def listening(self, job: str) -> Iterator[Listener]:
        """Enter before the first look at the job; only inside the event loop."""
        self._loop = asyncio.get_running_loop()
        listener = Listener()
        self._listeners[job].add(listener)
        try:
            yield listener
        finally:
            self._listeners[job].discard(listener)
            if not self._listeners[job]:
                del self._listeners[job]
