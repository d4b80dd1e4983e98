"""Links that open one analysis to readers without a login, for a while."""

from __future__ import annotations

import secrets
import time

from fastapi import APIRouter

from backend.auth.endpoints import Known
from backend.auth.permissions import CHANGES_ANALYSIS, Access
from backend.auth.users import until
from backend.storage.tables import moment_or_none
from minimascope.contract.people import Share, ShareRequest

router = APIRouter(prefix="/analyses/{identifier}/share", tags=["analyses"])
USUAL = ShareRequest()


@router.post("", status_code=201, dependencies=[CHANGES_ANALYSIS])
def share(identifier: str, access: Access, settings: Known, body: ShareRequest = USUAL) -> Share:
    """A key with which anyone who reaches this server may read the analysis, without a login.

    The page `/analyses/ID?share=KEY` opens with it, until `expires_at`. A new one each time, which
    ends the one before.
    """
    key = secrets.token_urlsafe(24)
    ends = until(body.days, usual=settings.share_days, now=time.time())
    access.share(identifier, key, until=ends)
    return Share(key=key, expires_at=moment_or_none(ends))


@router.delete("", status_code=204, dependencies=[CHANGES_ANALYSIS])
def unshare(identifier: str, access: Access) -> None:
    """Ends every link to the analysis."""
    access.share(identifier, None)
