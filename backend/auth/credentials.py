"""Whose a token or a session is."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakValueDictionary

from backend.auth.principal import METRICS, SERVER, Credential, Principal
from backend.auth.repository import AuthRepository
from backend.auth.sessions import good_session, same, session_token, token_hash
from minimascope.contract.settings import Settings

LOOK_SECONDS = 2.0
LOOKERS = 2


class Looks:
    """Looks at the database, in threads that do nothing else: nobody who asks for a page waits here
    behind somebody's uploads.

    Of one key one goes on at a time. Whoever comes meanwhile shares the next one, which begins
    after they came, so that it shows what was revoked before. However many requests one person
    sends at once, they keep one thread busy.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKERS, "credentials")
        self._next: dict[str, asyncio.Future[Any]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of(self, key: str, look: Callable[[], Any]) -> Any:
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.ensure_future(self._look(key, look))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # One that leaves must not end the look of the others.
        return await asyncio.shield(task)

    async def _look(self, key: str, look: Callable[[], Any]) -> Any:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            del self._next[key]
            return await asyncio.get_running_loop().run_in_executor(self._threads, look)


class Credentials:
    """Looks people up; in a thread only where the database has to be asked (`Looks`)."""

    def __init__(self, settings: Settings, repository: AuthRepository) -> None:
        self._settings, self._repository = settings, repository
        self._locked, self._looked = False, float("-inf")
        self._looks = Looks()

    async def locked(self) -> bool:
        """Whether anybody has to say who they are; a first user locks within two seconds."""
        if self._settings.token or self._locked:
            return True
        if time.monotonic() - self._looked > LOOK_SECONDS:
            # Only then: whoever comes during the first look must not find the server open.
            self._locked = await asyncio.to_thread(self._repository.has_users)
            self._looked = time.monotonic()
        return self._locked

    async def by_token(self, token: str) -> Credential | None:
        if not token:
            return None
        if same(token, self._settings.token):
            return Credential(SERVER, self._settings.token)
        if same(token, self._settings.metrics_token):
            return Credential(METRICS, self._settings.metrics_token)
        kept = token_hash(token)
        by_hash = self._repository.credential_of_token
        found: Credential | None = await self._looks.of(
            kept, functools.partial(by_hash, kept, now=time.time())
        )
        return found

    async def by_session(self, cookie: str) -> Principal | None:
        if token := session_token(cookie):
            by_id = self._repository.credential_of_session
            known = await self._looks.of(token, functools.partial(by_id, token, now=time.time()))
        else:
            known = Credential(SERVER, self._settings.token) if self._settings.token else None
        if known and good_session(known.key, cookie):
            return known.principal
        return None
