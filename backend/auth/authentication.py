"""Whose a token or a session is.

A user's token is 256 random bits, so one SHA-256 of it is kept and looked up. A session is an
expiry, a nonce and the user's id under an HMAC keyed by that hash (by the token itself for the
server's own): revoking the user or changing the token ends every session.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time

from backend.auth.principal import SERVER, Credential, Principal
from backend.repositories import Repository
from minimascope.contract.settings import Settings

SESSION_SECONDS = 7 * 24 * 3600
LOOK_SECONDS = 2.0


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Equality in constant time; nothing equals an empty secret."""
    return bool(wanted) and hmac.compare_digest(
        token_hash(given).encode(), token_hash(wanted).encode()
    )


def _signature(key: str, text: str) -> str:
    secret = hashlib.sha256(f"minimascope session {key}".encode()).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def new_session(key: str, *, now: float, user: str = "") -> str:
    text = f"{int(now) + SESSION_SECONDS}.{secrets.token_hex(16)}.{user}"
    return f"{text}.{_signature(key, text)}"


def good_session(key: str, cookie: str, *, now: float) -> bool:
    """A cookie of ours, under this key, not expired."""
    text, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(key, text).encode()):
        return False
    return float(text.partition(".")[0]) > now


class Doors:
    """Looks people up; in a thread only where the database has to be asked."""

    def __init__(self, settings: Settings, repository: Repository) -> None:
        self._settings, self._repository = settings, repository
        self._locked, self._looked = False, float("-inf")

    async def locked(self) -> bool:
        """Whether anybody has to say who they are; a first user locks within two seconds."""
        if self._settings.token or self._locked:
            return True
        if time.monotonic() - self._looked > LOOK_SECONDS:
            # Only then: whoever comes during the first look must not find the door open.
            self._locked = await asyncio.to_thread(self._repository.has_users)
            self._looked = time.monotonic()
        return self._locked

    async def by_token(self, token: str) -> Credential | None:
        if not token:
            return None
        if same(token, self._settings.token):
            return Credential(SERVER, self._settings.token)
        return await asyncio.to_thread(self._repository.credential_of_token, token_hash(token))

    async def by_session(self, cookie: str, *, now: float) -> Principal | None:
        user = cookie.split(".")[2] if cookie.count(".") == 3 else ""
        if user:
            known = await asyncio.to_thread(self._repository.credential_of_user, user)
        else:
            known = Credential(SERVER, self._settings.token) if self._settings.token else None
        if known and good_session(known.key, cookie, now=now):
            return known.principal
        return None
