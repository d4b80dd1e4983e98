"""Tokens and the sessions that browsers get for them.

A user's token is 256 random bits, so one SHA-256 of it is kept and looked up. A session is an
expiry, a nonce and the user's id under an HMAC keyed by that hash (by the token itself for the
server's own): revoking the user or changing the token ends every session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

COOKIE = "minimascope_session"
SESSION_SECONDS = 7 * 24 * 3600


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


def session_user(cookie: str) -> str:
    """Whose a session says it is; "" for the server's own token."""
    return cookie.split(".")[2] if cookie.count(".") == 3 else ""
