"""Token users: made, listed and revoked by an admin; what was done; links that share."""

from __future__ import annotations

import secrets
import time
from typing import Annotated

from fastapi import APIRouter, Query

from backend.auth.authentication import token_hash
from backend.auth.principal import ANYONE, Who
from backend.repositories import Repository
from backend.service import Here
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import (
    AuditPage,
    NewUser,
    Scope,
    Share,
    User,
    UserPage,
    UserRequest,
)

router = APIRouter(tags=["users"])


def new_user(repository: Repository, name: str, scope: Scope) -> NewUser:
    """A user and their token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    user = repository.add_user(name, scope, token_hash(token), now=time.time())
    return NewUser(user=user, token=token)


@router.post("/users", status_code=201)
def create(body: UserRequest, service: Here, who: Who) -> NewUser:
    """A new user; their token is in this answer and nowhere else. Admins only.

    409 on a server that asks nobody who they are: its first user locks everybody else out, which
    is for whoever has its files to do (`minimascope users create`).
    """
    if who == ANYONE:
        raise ProblemError(
            "open_server",
            "This server asks nobody who they are.",
            "Make its first user with `minimascope users create NAME --scope admin`.",
            status=409,
        )
    return new_user(service.repository, body.name, body.scope)


@router.get("/users")
def users(service: Here) -> UserPage:
    """Every user, revoked ones too. Admins only."""
    return UserPage(items=service.repository.users())


@router.delete("/users/{name}")
def revoke(name: str, service: Here) -> User:
    """Ends a user's token and sessions at once; what they made stays. Admins only."""
    return service.repository.revoke_user(name, now=time.time())


@router.get("/me")
def me(who: Who) -> dict[str, str]:
    """Name and scope of whoever asks."""
    return {"name": who.name, "scope": who.scope}


@router.get("/audit")
def audit(service: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditPage:
    """The newest requests that changed something, or tried to. Admins only."""
    return AuditPage(items=service.repository.audit(limit=limit))


@router.post("/analyses/{identifier}/share", status_code=201, tags=["analyses"])
def share(identifier: str, service: Here) -> Share:
    """A key with which anyone who reaches this server may read the analysis, without a login.

    The page `/analyses/ID?share=KEY` opens with it. A new one each time, which ends the one before.
    """
    key = secrets.token_urlsafe(24)
    service.repository.share(identifier, key)
    return Share(key=key)


@router.delete("/analyses/{identifier}/share", status_code=204, tags=["analyses"])
def unshare(identifier: str, service: Here) -> None:
    """Ends every link to the analysis."""
    service.repository.share(identifier, None)
