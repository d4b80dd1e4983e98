"""Whose a token or a session is."""

from __future__ import annotations

import asyncio
import time

from backend.auth.principal import METRICS, SERVER, Credential, Principal
from backend.auth.repository import AuthRepository
from backend.auth.sessions import good_session, same, session_token, token_hash
from minimascope.contract.settings import Settings

LOOK_SECONDS = 2.0


class Credentials:
    """Looks people up; in a thread only where the database has to be asked."""

    def __init__(self, settings: Settings, repository: AuthRepository) -> None:
        self._settings, self._repository = settings, repository
        self._locked, self._looked = False, float("-inf")

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
        by_hash = self._repository.credential_of_token
        return await asyncio.to_thread(by_hash, token_hash(token), now=time.time())

    async def by_session(self, cookie: str) -> Principal | None:
        if token := session_token(cookie):
            by_id = self._repository.credential_of_session
            known = await asyncio.to_thread(by_id, token, now=time.time())
        else:
            known = Credential(SERVER, self._settings.token) if self._settings.token else None
        if known and good_session(known.key, cookie):
            return known.principal
        return None
