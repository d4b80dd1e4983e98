"""Token users: made, listed and revoked by an admin; links that share an analysis."""

from __future__ import annotations

import secrets
import time

from fastapi import APIRouter

from backend.auth.permissions import ADMIN, CHANGES_ANALYSIS, READER, Access
from backend.auth.principal import ANYONE, Who
from backend.auth.users import new_user
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import NewUser, Share, User, UserPage, UserRequest

router = APIRouter(tags=["users"])


@router.post("/users", status_code=201, dependencies=[ADMIN])
def create(body: UserRequest, access: Access, who: Who) -> NewUser:
    """A new user; their token is in this answer and nowhere else. Admins only.

    409 on a server that asks nobody who they are: its first user locks everybody else out, which
    is for whoever has its files to do (`minimascope users create`).
    """
    if who == ANYONE:
        raise ProblemError("open_server", "This server asks nobody who they are.")
    return new_user(access, body.name, body.scope)


@router.get("/users", dependencies=[ADMIN])
def users(access: Access) -> UserPage:
    """Every user, revoked ones too. Admins only."""
    return UserPage(items=access.users())


@router.delete("/users/{name}", dependencies=[ADMIN])
def revoke(name: str, access: Access) -> User:
    """Ends a user's token and sessions at once; what they made stays. Admins only."""
    return access.revoke_user(name, now=time.time())


@router.get("/me", dependencies=[READER])
def me(who: Who) -> dict[str, str]:
    """Name and scope of whoever asks."""
    return {"name": who.name, "scope": who.scope}


@router.post(
    "/analyses/{identifier}/share",
    status_code=201,
    tags=["analyses"],
    dependencies=[CHANGES_ANALYSIS],
)
def share(identifier: str, access: Access) -> Share:
    """A key with which anyone who reaches this server may read the analysis, without a login.

    The page `/analyses/ID?share=KEY` opens with it. A new one each time, which ends the one before.
    """
    key = secrets.token_urlsafe(24)
    access.share(identifier, key)
    return Share(key=key)


@router.delete(
    "/analyses/{identifier}/share",
    status_code=204,
    tags=["analyses"],
    dependencies=[CHANGES_ANALYSIS],
)
def unshare(identifier: str, access: Access) -> None:
    """Ends every link to the analysis."""
    access.share(identifier, None)
