"""Tokens and the sessions that browsers get for them.

A user's token is 256 random bits, so one SHA-256 of it is kept and looked up. A session is a nonce,
the token's id and the time, signed with that hash (with the token itself for the server's own):
when a token ends, by its date or by hand, so do the sessions it opened.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from itsdangerous import TimestampSigner

COOKIE = "minimascope_session"
SESSION_SECONDS = 7 * 24 * 3600


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Equality in constant time; nothing equals an empty secret."""
    return bool(wanted) and hmac.compare_digest(
        token_hash(given).encode(), token_hash(wanted).encode()
    )


def _signer(key: str) -> TimestampSigner:
    return TimestampSigner(
        key, salt="minimascope session", key_derivation="hmac", digest_method=hashlib.sha256
    )


def new_session(key: str, *, token: str = "") -> str:
    return _signer(key).sign(f"{secrets.token_hex(16)}.{token}").decode()


def good_session(key: str, cookie: str) -> bool:
    """A cookie of ours, under this key, not expired."""
    return _signer(key).validate(cookie, max_age=SESSION_SECONDS)


def session_token(cookie: str) -> str:
    """The id of the token a session says it is of; "" for the server's own."""
    return cookie.split(".")[1] if cookie.count(".") == 3 else ""
