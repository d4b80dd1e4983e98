"""`minimascope users`: who may use a server with tokens; works on its database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError

from backend.auth.repository import AuthRepository
from backend.auth.users import new_user
from backend.storage.opened import opened
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Scope, UserRequest
from minimascope.contract.settings import Settings

command = typer.Typer(help="Create, list and revoke token users.")


@contextmanager
def _users() -> Iterator[AuthRepository]:
    with opened(Settings()) as (engine, _):
        yield AuthRepository(engine)


@command.command("create")
def create(
    name: str,
    scope: Annotated[Scope, typer.Option(help="what they may do")] = "write",
    as_json: AsJson = False,
) -> None:
    """Make a user and print their token this once."""
    asked = _request(name, scope)
    with _users() as users:
        made = new_user(users, asked.name, asked.scope)
    answer(as_json, made, made.token)


@command.command("list")
def every(as_json: AsJson = False) -> None:
    """Every user with scope and state."""
    with _users() as users:
        found = users.users()
    lines = []
    for user in found:
        state = "revoked" if user.revoked_at else "active"
        lines.append(f"{user.name:24} {user.scope:7} {state:8} since {user.created_at:%Y-%m-%d}")
    answer(as_json, [user.model_dump(mode="json") for user in found], "\n".join(lines))


@command.command("revoke")
def revoke(name: str) -> None:
    """End a user's token and sessions."""
    with _users() as users:
        users.revoke_user(name, now=time.time())


def _request(name: str, scope: Scope) -> UserRequest:
    try:
        return UserRequest(name=name, scope=scope)
    except ValidationError as error:
        sentence = f"{name[:60]!r} is no name of a user: 1 to 60 letters, digits, or . _ @ -."
        raise ProblemError("invalid_name", sentence) from error
