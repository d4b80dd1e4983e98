"""Making a user: the one moment at which the token is known."""

from __future__ import annotations

import secrets
import time

from backend.auth.repository import AuthRepository
from backend.auth.sessions import token_hash
from minimascope.contract.schemas import NewUser, Scope


def new_user(repository: AuthRepository, name: str, scope: Scope) -> NewUser:
    """A user and their token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    user = repository.add_user(name, scope, token_hash(token), now=time.time())
    return NewUser(user=user, token=token)
