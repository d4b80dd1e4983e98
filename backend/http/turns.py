"""Nobody's requests hold up everybody: each person has a share of this process' time.

Short requests of one person go on a few at a time, and who has used more than their share of time
lately waits before the next one. Uploads take turns, person by person, and step back while the
event loop is late: what else is asked is then answered soon.
"""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

T = TypeVar("T")

# Of one person's short requests at one time.
AT_ONCE = 3
# Seconds of answering: saved up at most, and earned in a second. A page costs a tenth.
SAVED_SECONDS, EARNED = 2.0, 0.15
# What a request costs that waits for a worker or for bytes: ten a second.
LONG_SECONDS = 0.02
LONGEST_WAIT = 5.0
# An upload's turn: how late the loop is, is measured for so long; it then rests for several times
# that, so that reading bytes takes a minor part of the loop.
WRITERS = 4
MEASURE_SECONDS, RESTS, LONGEST_REST = 0.002, 5.0, 0.06


# What waits for a worker, for bytes or for what happens, and not for its own answer; and files of
# the product, which cost nothing.
FILES = ("/assets/", "/_dash-component-suites/")
LONG_READS = re.compile(r"/api/v1/.*/(events|labelled|(slices|interpolations)/[^/]+)")
LONG_WRITES = re.compile(
    r"/api/v1/(plans|architectures|weights|analyses|checkpoints|datasets|reports|uploads/[^/]+"
    r"|analyses/[^/]+/(slices|interpolations))"
)


def is_long(method: str, path: str) -> bool:
    """Whether the time until the answer says nothing of what it cost."""
    writes = method in ("POST", "PATCH") and LONG_WRITES.fullmatch(path) is not None
    return writes or LONG_READS.fullmatch(path) is not None


@dataclass
class _Person:
    """`spent` seconds more than was earned, as of the moment `at`."""

    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    spent: float = 0.0
    at: float = 0.0
    inside: int = 0

    def debt(self, now: float) -> float:
        self.spent = max(0.0, self.spent - EARNED * (now - self.at))
        self.at = now
        return self.spent


class Turns:
    """Short requests, by person; the key "" is nobody's and never waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._people: dict[str, _Person] = {}

    async def long(self, key: str) -> None:
        """Before a request whose time says nothing of its cost: an estimate is paid at once."""
        if not key:
            return
        async with self._inside(key) as person, person.gate:
            await self._wait(person)
            person.spent += LONG_SECONDS

    async def _wait(self, person: _Person) -> None:
        over = person.debt(self._clock()) - SAVED_SECONDS
        if over > 0:
            await asyncio.sleep(min(over / EARNED, LONGEST_WAIT))

    @asynccontextmanager
    async def _inside(self, key: str) -> AsyncIterator[_Person]:
        person = self._people.setdefault(key, _Person(at=self._clock()))
        person.inside += 1
        try:
            yield person
        finally:
            person.inside -= 1
            # Who is done and owes nothing takes no room.
            if not person.inside and not person.debt(self._clock()):
                self._people.pop(key, None)

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[Callable[[], None]]:
        """Enter before answering; what it gives is called when the answer is there."""
        if not key:
            yield lambda: None
            return
        async with self._inside(key) as person, person.gate:
            await self._wait(person)
            began, counted = self._clock(), False

            def answered() -> None:
                nonlocal counted
                if not counted:
                    counted = True
                    person.spent += self._clock() - began

            try:
                yield answered
            finally:
                answered()


class Pace:
    """Turns of uploads: one at a time passes a part of its bytes on, person by person.

    What they write is written in threads of their own: nobody who asks for a row waits for a disk.
    """

    def __init__(self) -> None:
        self._gate = asyncio.Lock()
        self._people: dict[str, tuple[asyncio.Lock, int]] = {}
        self._threads = ThreadPoolExecutor(WRITERS, "upload")
        self._writers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def write(self, key: str, work: Callable[..., T], *given: Any) -> T:
        """What `work` answers; of one person's at most half of the threads are busy with it."""
        mine = self._writers.get(key)
        if mine is None:
            mine = self._writers[key] = asyncio.Semaphore(WRITERS // 2)
        async with mine:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, functools.partial(work, *given))

    async def turn(self, key: str) -> None:
        """Returns when a part of this person's may be read."""
        lock, waiting = self._people.get(key) or (asyncio.Lock(), 0)
        self._people[key] = (lock, waiting + 1)
        try:
            # One of each person stands in the line of all.
            async with lock, self._gate:
                began = time.monotonic()
                await asyncio.sleep(MEASURE_SECONDS)
                late = time.monotonic() - began - MEASURE_SECONDS
                await asyncio.sleep(min(RESTS * late, LONGEST_REST))
        finally:
            lock, waiting = self._people[key]
            if waiting == 1:
                del self._people[key]
            else:
                self._people[key] = (lock, waiting - 1)


_PACES: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


def pace() -> Pace:
    """Of the running event loop."""
    return _PACES.setdefault(asyncio.get_running_loop(), Pace())
