"""`minimascope users`: who may use a server with tokens; works on its database."""

from __future__ import annotations

import argparse
import time
from typing import get_args

from pydantic import ValidationError

from minimascope.cli.options import Subparsers
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Scope, UserRequest
from minimascope.contract.settings import Settings


def register(subparsers: Subparsers) -> None:
    command = subparsers.add_parser("users", help="create, list and revoke token users")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a user, print their token this once")
    create.add_argument("name")
    create.add_argument("--scope", choices=get_args(Scope), default="write")
    actions.add_parser("list", help="every user with scope and state")
    revoke = actions.add_parser("revoke", help="end a user's token and sessions")
    revoke.add_argument("name")


def run(args: argparse.Namespace) -> int:
    from backend.auth.endpoints import new_user
    from backend.repositories import Repository
    from backend.storage.opened import opened

    with opened(Settings()) as (engine, _):
        repository = Repository(engine)
        if args.action == "create":
            asked = _request(args.name, args.scope)
            print(new_user(repository, asked.name, asked.scope).token)
        elif args.action == "revoke":
            repository.revoke_user(args.name, now=time.time())
        else:
            for user in repository.users():
                state = "revoked" if user.revoked_at else "active"
                print(f"{user.name:24} {user.scope:7} {state:8} since {user.created_at:%Y-%m-%d}")
    return 0


def _request(name: str, scope: Scope) -> UserRequest:
    try:
        return UserRequest(name=name, scope=scope)
    except ValidationError as error:
        sentence = f"{name[:60]!r} is no name of a user: 1 to 60 letters, digits, or . _ @ -."
        raise ProblemError("invalid_name", sentence) from error
