"""Token users, their tokens and limits, made and ended by an admin; everybody's own tokens."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.auth.permissions import ADMIN, READER, Access
from backend.auth.principal import ANYONE, Principal, Who
from backend.auth.users import new_token, new_user, until
from minimascope.contract.people import (
    NewToken,
    NewUser,
    TokenPage,
    TokenRequest,
    User,
    UserLimits,
    UserPage,
    UserRequest,
)
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings

router = APIRouter(tags=["users"])


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Known = Annotated[Settings, Depends(_settings)]


@router.post("/users", status_code=201, dependencies=[ADMIN])
def create(body: UserRequest, access: Access, who: Who, settings: Known) -> NewUser:
    """A new user; their token is in this answer and nowhere else. Admins only.

    409 on a server that asks nobody who they are: its first user locks everybody else out, which
    is for whoever has its files to do (`minimascope users create`).
    """
    if who == ANYONE:
        raise ProblemError("open_server", "This server asks nobody who they are.")
    ends = until(body.days, usual=settings.token_days, now=time.time())
    return new_user(access, body.name, body.scope, until=ends)


@router.get("/users", dependencies=[ADMIN])
def users(access: Access) -> UserPage:
    """Every user, revoked ones too. Admins only."""
    return UserPage(items=access.users())


@router.patch("/users/{name}", dependencies=[ADMIN])
def limit(name: str, body: UserLimits, access: Access) -> User:
    """Quota, uploads a minute and the right to priority `high`; what is left out stays. Admins
    only."""
    return access.limit_user(name, body.model_dump(exclude_unset=True))


@router.delete("/users/{name}", dependencies=[ADMIN])
def revoke(name: str, access: Access) -> User:
    """Ends a user's tokens and sessions at once; what they made stays. Admins only."""
    return access.revoke_user(name, now=time.time())


@router.get("/users/{name}/tokens", dependencies=[ADMIN])
def tokens(name: str, access: Access) -> TokenPage:
    """A user's tokens without themselves, ended ones too. Admins only."""
    return TokenPage(items=access.tokens(name))


@router.post("/users/{name}/tokens", status_code=201, dependencies=[ADMIN])
def add_token(name: str, body: TokenRequest, access: Access, settings: Known) -> NewToken:
    """One more token; those before stay good until they end. Admins only."""
    ends = until(body.days, usual=settings.token_days, now=time.time())
    return new_token(access, name, label=body.label, until=ends)


@router.delete("/users/{name}/tokens/{token}", status_code=204, dependencies=[ADMIN])
def end_token(name: str, token: str, access: Access) -> None:
    """Ends one token and the sessions it opened. Admins only."""
    access.revoke_token(name, token, now=time.time())


@router.get("/me", dependencies=[READER])
async def me(who: Who) -> dict[str, str]:
    """Name and scope of whoever asks."""
    return {"name": who.name, "scope": who.scope}


def _user(who: Principal) -> str:
    if not who.token:
        raise ProblemError("forbidden", f"{who.name} is no user with tokens of their own.")
    return who.name


@router.get("/me/tokens", dependencies=[READER])
def own_tokens(access: Access, who: Who) -> TokenPage:
    """One's own tokens without themselves."""
    return TokenPage(items=access.tokens(_user(who)))


@router.post("/me/tokens", status_code=201, dependencies=[READER])
def add_own_token(body: TokenRequest, access: Access, who: Who, settings: Known) -> NewToken:
    """One more token for oneself: take it into use, then end the old one.

    It lasts no longer than the server's settings give a new token.
    """
    now = time.time()
    usual = until(None, usual=settings.token_days, now=now)
    asked = until(body.days, usual=settings.token_days, now=now)
    ends = usual if asked is None or (usual is not None and asked > usual) else asked
    return new_token(access, _user(who), label=body.label, until=ends)


@router.delete("/me/tokens/{token}", status_code=204, dependencies=[READER])
def end_own_token(token: str, access: Access, who: Who) -> None:
    """Ends one of one's own tokens and the sessions it opened."""
    access.revoke_token(_user(who), token, now=time.time())
