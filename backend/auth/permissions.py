"""What a route asks of whoever calls it. Every route of the API declares one of these.

Scopes grow: whoever has a shared link (guest) < read < write < admin; workers and whoever reads
the metrics stand apart. Beside
the scope a route about one thing asks whose it is: what is somebody else's does not exist for the
asker (404), so ids tell nothing. Reading an analysis is also open to whoever has its share key, and
to everybody with a login for what ships with the product.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import SecurityScopes

from backend.auth.principal import GUEST, Principal, Who
from backend.auth.repository import AuthRepository
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import UploadKind

SHARE_HEADER = "x-share-key"


async def _repository(request: Request) -> AuthRepository:
    repository: AuthRepository = request.app.state.auth
    return repository


def _check_scope(needed: str, who: Principal) -> None:
    if needed == "admin" and who.scope != "admin":
        raise ProblemError("forbidden", "This asks for the scope admin.")
    if needed == "worker" and who.scope != "worker":
        raise ProblemError("forbidden", "This is for workers.")
    if needed == "metrics" and who.scope not in ("metrics", "admin"):
        raise ProblemError("forbidden", "This asks for the scope metrics or admin.")
    if needed in ("read", "write", "guest") and who.scope in ("worker", "metrics"):
        raise ProblemError("forbidden", f"This is not for the scope {who.scope}.")
    if needed == "write" and who.scope == "read":
        raise ProblemError("forbidden", f"{who.name} may only read here.")
    if needed == "read" and who.id == GUEST:
        raise ProblemError("unauthorized", "A shared link opens its own analysis only.")


async def allowed(needed: SecurityScopes, who: Who) -> Principal:
    """Whoever asks; raises ProblemError 401 or 403 where their scope does not reach the route's."""
    for scope in needed.scopes:
        _check_scope(scope, who)
    return who


Allowed = Annotated[Principal, Depends(allowed)]
Access = Annotated[AuthRepository, Depends(_repository)]


def share_key(request: Request, who: Principal, analysis: str) -> str:
    """As the request has it, or as the link had it that its sender opened."""
    given = request.query_params.get("share", "") or request.headers.get(SHARE_HEADER, "")
    return given or dict(who.shares).get(analysis, "")


def check_readable(access: AuthRepository, who: Principal, analysis: str, share: str) -> None:
    """Raises ProblemError `no_such_analysis` where `who` may not read it."""
    if who.owner is not None:
        access.check_analysis(analysis, who.id, reading=True, share=share, now=time.time())


async def reads_analysis(identifier: str, request: Request, who: Allowed, access: Access) -> None:
    if who.owner is not None:
        share = share_key(request, who, identifier)
        await asyncio.to_thread(check_readable, access, who, identifier, share)


async def _readable(request: Request, who: Who, access: Access) -> Callable[[str], Awaitable[None]]:
    """The same rule for an analysis that a question names beside its address."""

    async def check(analysis: str) -> None:
        share = share_key(request, who, analysis)
        await asyncio.to_thread(check_readable, access, who, analysis, share)

    return check


CheckReadable = Annotated[Callable[[str], Awaitable[None]], Depends(_readable)]


async def changes_analysis(identifier: str, who: Allowed, access: Access) -> None:
    if who.owner is not None:
        check = functools.partial(access.check_analysis, reading=False, share="")
        await asyncio.to_thread(check, identifier, who.id, now=time.time())


async def owns_transfer(identifier: str, who: Allowed, access: Access) -> None:
    if who.owner is not None:
        await asyncio.to_thread(access.check_transfer, identifier, who.id)


def _upload(kind: UploadKind, *, reading: bool) -> Callable[..., Awaitable[None]]:
    async def check(identifier: str, who: Allowed, access: Access) -> None:
        if who.owner is not None:
            await asyncio.to_thread(access.check_upload, kind, identifier, who.id, reading=reading)

    return check


PUBLIC: Any = Security(allowed, scopes=["public"])
READER: Any = Security(allowed, scopes=["read"])
WRITER: Any = Security(allowed, scopes=["write"])
ADMIN: Any = Security(allowed, scopes=["admin"])
METRICS: Any = Security(allowed, scopes=["metrics"])
WORKER: Any = Security(allowed, scopes=["worker"])
READS_ANALYSIS: Any = Security(reads_analysis, scopes=["guest"])
# A plane or a line on demand changes nothing of the analysis it looks into.
ASKS_ANALYSIS: Any = Security(reads_analysis, scopes=["write"])
CHANGES_ANALYSIS: Any = Security(changes_analysis, scopes=["write"])
READS_TRANSFER: Any = Security(owns_transfer, scopes=["read"])
CHANGES_TRANSFER: Any = Security(owns_transfer, scopes=["write"])


def reads_upload(kind: UploadKind) -> Any:
    return Security(_upload(kind, reading=True), scopes=["read"])


def changes_upload(kind: UploadKind) -> Any:
    return Security(_upload(kind, reading=False), scopes=["write"])
