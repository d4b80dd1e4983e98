"""Owners see only their own: one rule in front of every address that names a thing.

A thing that is somebody else's does not exist for the asker (404), so ids tell nothing. Reading
an analysis is also open to whoever has its share key, and to everybody for what ships with the
product.
"""

from __future__ import annotations

import asyncio

from fastapi import Request

from backend.auth.principal import Principal
from backend.service import Service
from minimascope.contract.problems import ProblemError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
ADMIN_ONLY = {"users", "audit", "metrics"}
UPLOADS = {"checkpoints": "checkpoint", "datasets": "dataset"}
QUESTIONS = ("/slices", "/interpolations")
SHARE_HEADER = "x-share-key"


def share_key(request: Request, principal: Principal, analysis: str) -> str:
    """As the request has it, or as the link had it that its sender opened."""
    given = request.query_params.get("share", "") or request.headers.get(SHARE_HEADER, "")
    return given or dict(principal.shares).get(analysis, "")


async def guard(request: Request) -> None:
    """A dependency of every endpoint; raises ProblemError 404, or 403 where admins are meant."""
    principal: Principal = request.scope["minimascope.principal"]
    if principal.scope == "admin":
        return
    service: Service = request.app.state.service
    first = request.scope["route"].path.split("/")[1]
    if first in ADMIN_ONLY:
        raise ProblemError("forbidden", "This asks for the scope admin.", status=403)
    identifier = str(request.path_params.get("identifier", ""))
    if identifier:
        await asyncio.to_thread(_check, request, service, principal, first, identifier)


def _check(
    request: Request, service: Service, principal: Principal, first: str, identifier: str
) -> None:
    # A plane or a line on demand changes nothing of the analysis it looks into.
    reading = request.method in SAFE_METHODS or request.scope["route"].path.endswith(QUESTIONS)
    if first == "analyses":
        key = share_key(request, principal, identifier) if reading else ""
        service.repository.check_analysis(identifier, principal.id, reading=reading, share=key)
    elif first in UPLOADS:
        service.repository.check_upload(UPLOADS[first], identifier, principal.id, reading=reading)
    elif first == "uploads":
        service.repository.check_transfer(identifier, principal.id)


def may_read(request: Request, analysis: str) -> None:
    """The same rule for an analysis that a question names beside its address."""
    principal: Principal = request.scope["minimascope.principal"]
    if principal.scope != "admin":
        service: Service = request.app.state.service
        key = share_key(request, principal, analysis)
        service.repository.check_analysis(analysis, principal.id, reading=True, share=key)
