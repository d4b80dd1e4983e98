"""Making users and tokens: the one moment at which a token is known."""

from __future__ import annotations

import secrets
import time

from backend.auth.repository import AuthRepository
from backend.auth.sessions import token_hash
from minimascope.contract.people import NewToken, NewUser
from minimascope.contract.schemas import Scope

DAY = 86400.0


def until(days: float | None, *, usual: float, now: float) -> float | None:
    """When something made now ends: after `days`, after the `usual` ones, or (0) never."""
    lasting = usual if days is None else days
    return now + DAY * lasting if lasting else None


def new_token(
    repository: AuthRepository, name: str, *, label: str = "", until: float | None = None
) -> NewToken:
    """One more token of a user, which is kept nowhere."""
    secret = secrets.token_urlsafe(32)
    kept = token_hash(secret)
    token = repository.add_token(name, kept, label=label, now=time.time(), until=until)
    return NewToken(token=token, secret=secret)


def new_user(
    repository: AuthRepository, name: str, scope: Scope, *, until: float | None = None
) -> NewUser:
    """A user and their first token."""
    user = repository.add_user(name, scope, now=time.time())
    made = new_token(repository, name, until=until)
    return NewUser(user=user, token=made.secret, expires_at=made.token.expires_at)
