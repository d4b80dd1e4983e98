"""Is it alive, is it ready, what is it doing."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Response

from backend.auth.permissions import PUBLIC
from backend.auth.principal import GUEST, Who
from backend.jobs.service import Jobs, JobService
from backend.operations import watch
from backend.operations.repository import Operations, OperationsRepository
from minimascope.contract.code import this_code
from minimascope.service import transport

router = APIRouter(tags=["operations"])


@router.get("/health/live", dependencies=[PUBLIC])
async def live() -> dict[str, str]:
    """Answers while the process does; a worker asks here whether it is of the same release."""
    code = this_code()
    return {"status": "ok", "version": code.version, "estimators": code.estimators}


def conditions(
    jobs: JobService, operations: OperationsRepository, workers: list[dict[str, Any]]
) -> list[watch.Condition]:
    """Everything that is watched, good or not."""
    return [
        watch.of_answer("database", operations.answers, stops=True),
        *watch.of_disk(jobs.settings.folder()),
        watch.of_answer("broker", lambda: transport.waiting(jobs.broker, "analyses")),
        *watch.of_workers(workers),
    ]


def living_workers(jobs: JobService) -> list[dict[str, Any]]:
    """Workers heard of within a minute: queues, device, sandbox layers, seconds since."""
    now = time.time()
    try:
        found = jobs.workers.workers(seen_since=watch.seen_since())
    except Exception:  # the database's own check says why
        return []
    return [
        {**{k: v for k, v in each.items() if k != "seen_at"}, "age_seconds": now - each["seen_at"]}
        for each in found
    ]


@router.get("/health/ready", dependencies=[PUBLIC])
def ready(jobs: Jobs, operations: Operations, who: Who, response: Response) -> dict[str, Any]:
    """503 where the database or the store would refuse work.

    `degraded` (200) says what else is wrong, in `checks`: no worker for analyses, a disk nearly
    full, a broker away, workers of another version. Whoever has a login also sees the figures, and
    as `workers` those heard of in the last minute with their sandbox layers; a layer that is false
    or 0 is missing on that machine. A probe needs no token and gets the rest.
    """
    workers = living_workers(jobs)
    found = conditions(jobs, operations, workers)
    status = watch.status(found)
    response.status_code = 503 if status == "unavailable" else 200
    if who.id == GUEST:
        checks = {each.name: {"ok": each.ok} for each in found}
        return {"status": status, "checks": checks}
    checks = {
        each.name: {"ok": each.ok, "sentence": each.sentence, **each.figures} for each in found
    }
    return {"status": status, "checks": checks, "workers": workers}
