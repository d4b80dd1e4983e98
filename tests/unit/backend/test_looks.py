"""Who asks is looked up once for all that the same person asks at one time, and never too early."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from backend.auth.credentials import Looks


def test_many_requests_of_one_token_keep_one_thread_busy_and_others_do_not_wait() -> None:
    going, most, count, lock = 0, 0, 0, threading.Lock()
    bobs = threading.Event()

    def slow() -> str:
        nonlocal going, most, count
        with lock:
            going, count = going + 1, count + 1
            most = max(most, going)
        bobs.wait(10)
        with lock:
            going -= 1
        return "ann"

    async def run() -> None:
        looks = Looks()
        hers = [asyncio.ensure_future(looks.of("ann", slow)) for _ in range(200)]
        await asyncio.sleep(0.01)
        assert await looks.of("bob", lambda: "bob") == "bob"
        assert not any(each.done() for each in hers)
        bobs.set()
        assert set(await asyncio.gather(*hers)) == {"ann"}

    asyncio.run(run())
    assert most == 1
    assert count <= 2


def test_a_look_that_is_shared_begins_after_all_came_who_share_it() -> None:
    revoked = threading.Event()

    def look() -> str | None:
        found = None if revoked.is_set() else "ann"
        time.sleep(0.1)
        return found

    async def run() -> None:
        looks = Looks()
        first = asyncio.ensure_future(looks.of("ann", look))
        await asyncio.sleep(0.02)
        revoked.set()
        assert await looks.of("ann", look) is None
        assert await first == "ann"

    asyncio.run(run())


def test_who_leaves_ends_nobody_elses_look_and_a_failure_is_everybodys() -> None:
    def fails() -> None:
        time.sleep(0.05)
        raise OSError("away")

    async def run() -> None:
        looks = Looks()
        leaving = asyncio.ensure_future(looks.of("ann", fails))
        staying = asyncio.ensure_future(looks.of("ann", fails))
        await asyncio.sleep(0.01)
        leaving.cancel()
        with pytest.raises(OSError, match="away"):
            await staying
        assert await looks.of("ann", lambda: "ann") == "ann"

    asyncio.run(run())
