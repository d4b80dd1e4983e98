"""For admins: what was changed by whom, who holds what, and an end to what one person started."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query

from backend.auth.permissions import ADMIN
from backend.jobs.service import Jobs
from backend.operations.repository import Operations
from backend.uploads.service import Uploads
from backend.uploads.tus_endpoints import give_up
from minimascope.contract.people import AuditPage, Removed, UsagePage

router = APIRouter(tags=["users"])


@router.get("/audit", dependencies=[ADMIN])
def audit(operations: Operations, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditPage:
    """The newest requests that changed something, or tried to. Admins only."""
    return AuditPage(items=operations.audit(limit=limit))


@router.get("/usage", dependencies=[ADMIN])
def usage(operations: Operations) -> UsagePage:
    """What each person holds: bytes, unfinished uploads, jobs. Admins only."""
    return UsagePage(items=operations.usage())


@router.delete("/usage/{name}", dependencies=[ADMIN])
def remove(name: str, operations: Operations, jobs: Jobs, uploads: Uploads) -> Removed:
    """Gives up a person's unfinished uploads and cancels their jobs; what has ended stays. Admins
    only."""
    owner = operations.owner(name)
    going = uploads.transfers.open_transfers(owner=owner, names={})
    for each in going:
        give_up(uploads, each.id)
    cancelled = jobs.people.cancel_of(owner, now=time.time())
    for job in cancelled:
        jobs.notifications.notify(job)
    return Removed(transfers=len(going), jobs=len(cancelled))
