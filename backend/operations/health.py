"""Is it alive, is it ready, what is it doing."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from fastapi import APIRouter, Response

from backend.auth.permissions import PUBLIC, READER
from backend.jobs.service import Jobs, JobService
from backend.operations.repository import Operations, OperationsRepository
from minimascope import __version__
from minimascope.service import transport

SEEN_SECONDS = 60.0
router = APIRouter(tags=["operations"])


@router.get("/health/live", dependencies=[PUBLIC])
async def live() -> dict[str, str]:
    """Answers while the process does."""
    return {"status": "ok", "version": __version__}


def _checks(jobs: JobService, operations: OperationsRepository) -> dict[str, dict[str, Any]]:
    folder = jobs.settings.folder()
    checks: dict[str, dict[str, Any]] = {}
    try:
        operations.queue_figures(now=time.time())
        checks["database"] = {"ok": True}
    except Exception as error:
        checks["database"] = {"ok": False, "reason": type(error).__name__}
    free = shutil.disk_usage(folder).free
    checks["store"] = {"ok": os.access(folder, os.W_OK), "free_bytes": free}
    try:
        transport.waiting(jobs.broker, "analyses")
        checks["broker"] = {"ok": True}
    except Exception as error:  # kombu wraps only some brokers' errors
        checks["broker"] = {"ok": False, "reason": type(error).__name__}
    return checks


def living_workers(jobs: JobService) -> list[dict[str, Any]]:
    """Workers heard of within a minute: queues, device, sandbox layers, seconds since."""
    now = time.time()
    try:
        found = jobs.workers.workers(seen_since=now - SEEN_SECONDS)
    except Exception:  # the database's own check says why
        return []
    return [
        {**{k: v for k, v in each.items() if k != "seen_at"}, "age_seconds": now - each["seen_at"]}
        for each in found
    ]


@router.get("/health/ready", dependencies=[READER])
def ready(jobs: Jobs, operations: Operations, response: Response) -> dict[str, Any]:
    """503 where the database or the store would refuse work.

    A broker that is away only delays jobs. `workers` lists those heard of in the last minute
    with their sandbox layers; a layer that is false or 0 is missing on that machine.
    """
    checks = _checks(jobs, operations)
    good = checks["database"]["ok"] and checks["store"]["ok"]
    response.status_code = 200 if good else 503
    status = "ok" if good else "unavailable"
    return {"status": status, "checks": checks, "workers": living_workers(jobs)}
