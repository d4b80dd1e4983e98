"""`minimascope users`: who may use a server with tokens; works on its database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from backend.auth.repository import AuthRepository
from backend.auth.users import new_token, new_user, until
from backend.storage.opened import opened
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.people import TokenRequest, User, UserRequest
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Scope
from minimascope.contract.settings import Settings

command = typer.Typer(help="Create, list, limit and revoke token users.")
Days = Annotated[
    float | None,
    typer.Option(metavar="N", help="how long the token is good; 0: without an end", min=0),
]


@contextmanager
def _users() -> Iterator[AuthRepository]:
    with opened(Settings()) as (engine, _):
        yield AuthRepository(engine)


def _end(days: float | None) -> float | None:
    return until(days, usual=Settings().token_days, now=time.time())


@command.command("create")
def create(
    name: str,
    scope: Annotated[Scope, typer.Option(help="what they may do")] = "write",
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make a user and print their token this once."""
    asked = _request(name, scope)
    with _users() as users:
        made = new_user(users, asked.name, asked.scope, until=_end(days))
    answer(as_json, made, made.token)


@command.command("list")
def every(as_json: AsJson = False) -> None:
    """Every user with scope and state."""
    with _users() as users:
        found = users.users()
    answer(as_json, [user.model_dump(mode="json") for user in found], _lines(found))


def _lines(found: list[User]) -> str:
    lines = []
    for user in found:
        state = "revoked" if user.revoked_at else "active"
        limits = user.limits
        rights = ", ".join(
            filter(
                None,
                (
                    f"{limits.quota_bytes} bytes" if limits.quota_bytes is not None else "",
                    f"{limits.uploads_per_minute} uploads a minute"
                    if limits.uploads_per_minute is not None
                    else "",
                    "may go first" if limits.high_priority else "",
                ),
            )
        )
        since = f"since {user.created_at:%Y-%m-%d}"
        lines.append(f"{user.name:24} {user.scope:7} {state:8} {since}  {rights}".rstrip())
    return "\n".join(lines)


@command.command("limit")
def limit(
    name: str,
    quota_bytes: Annotated[int | None, typer.Option(metavar="N", min=0)] = None,
    uploads_per_minute: Annotated[int | None, typer.Option(metavar="N", min=0)] = None,
    high_priority: Annotated[
        bool | None, typer.Option("--high-priority/--no-high-priority", help="may go first")
    ] = None,
) -> None:
    """Say what one user may use; what is left out stays as it is."""
    asked = {
        "quota_bytes": quota_bytes,
        "uploads_per_minute": uploads_per_minute,
        "high_priority": high_priority,
    }
    with _users() as users:
        users.limit_user(name, {field: v for field, v in asked.items() if v is not None})


@command.command("token")
def token(
    name: str,
    label: Annotated[str, typer.Option(metavar="TEXT", help="what it is for")] = "",
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make one more token of a user and print it this once; those before stay good."""
    try:
        asked = TokenRequest(label=label)
    except ValidationError as error:
        sentence = f"{label[:60]!r} is no label of a token: up to 60 characters of one line."
        raise ProblemError("invalid_name", sentence) from error
    with _users() as users:
        made = new_token(users, name, label=asked.label, until=_end(days))
    answer(as_json, made, made.secret)


@command.command("tokens")
def tokens(name: str, as_json: AsJson = False) -> None:
    """A user's tokens by id, without themselves."""
    with _users() as users:
        found = users.tokens(name)
    lines = [
        f"{each.id}  {_state(each.revoked_at, each.expires_at):22} {each.label}".rstrip()
        for each in found
    ]
    answer(as_json, [each.model_dump(mode="json") for each in found], "\n".join(lines))


def _state(revoked: datetime | None, expires: datetime | None) -> str:
    if revoked:
        return f"ended {revoked:%Y-%m-%d}"
    if expires is None:
        return "without an end"
    return f"{'ended' if expires.timestamp() < time.time() else 'until'} {expires:%Y-%m-%d}"


@command.command("revoke")
def revoke(
    name: str,
    token: Annotated[
        str | None, typer.Option(metavar="ID", help="this one only (see `users tokens`)")
    ] = None,
) -> None:
    """End a user's tokens and sessions, or one of them."""
    with _users() as users:
        if token:
            users.revoke_token(name, token, now=time.time())
        else:
            users.revoke_user(name, now=time.time())


def _request(name: str, scope: Scope) -> UserRequest:
    try:
        return UserRequest(name=name, scope=scope)
    except ValidationError as error:
        sentence = f"{name[:60]!r} is no name of a user: 1 to 60 letters, digits, or . _ @ -."
        raise ProblemError("invalid_name", sentence) from error
