"""What was changed by whom, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from backend.auth.permissions import ADMIN
from backend.operations.repository import Operations
from minimascope.contract.schemas import AuditPage

router = APIRouter(tags=["users"])


@router.get("/audit", dependencies=[ADMIN])
def audit(operations: Operations, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditPage:
    """The newest requests that changed something, or tried to. Admins only."""
    return AuditPage(items=operations.audit(limit=limit))
