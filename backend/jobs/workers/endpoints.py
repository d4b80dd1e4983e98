"""Worker processes say that they live, and hear whether to start again."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path

from backend.auth.permissions import WORKER
from backend.jobs.schemas import WorkerAnswer, WorkerReport
from backend.jobs.service import Jobs, JobService
from minimascope.contract.code import release_said, this_code
from minimascope.service import transport

router = APIRouter(
    prefix="/internal/workers", tags=["workers"], include_in_schema=False, dependencies=[WORKER]
)
WorkerId = Annotated[str, Path(max_length=64, pattern=r"^[\w.@-]+$")]


@router.put("/{identifier}")
def worker(identifier: WorkerId, body: WorkerReport, jobs: Jobs) -> WorkerAnswer:
    """Heard of; `restart` where jobs wait for an idle worker that takes none."""
    return WorkerAnswer(restart=_restart(identifier, body, jobs), awake=_awake(jobs))


@router.get("/awake")
async def awake(jobs: Jobs) -> dict[str, bool]:
    """What a resting worker asks every second: nothing is written down for it."""
    return {"awake": _awake(jobs)}


def _awake(jobs: JobService) -> bool:
    return jobs.visits.within(jobs.settings.rest_seconds)


def _restart(identifier: str, body: WorkerReport, jobs: JobService) -> bool:
    now = time.time()
    jobs.workers.worker_seen(identifier, body.model_dump(mode="json"), now=now)
    stuck = jobs.settings.stuck_seconds
    # One of another version is idle because it gets nothing.
    if body.idle_seconds < stuck or release_said(body.versions) != this_code().release:
        return False
    queues = [str(queue) for queue in body.queues]
    waiting = jobs.workers.overdue_count(queues, sent_before=now - stuck)
    return waiting > 0 and _broker_answers(jobs)


def _broker_answers(jobs: JobService) -> bool:
    """Where it is away for us too, a worker that starts again would only wait longer."""
    try:
        transport.waiting(jobs.broker, "analyses")
    except Exception:  # kombu wraps only some brokers' errors
        return False
    return True


@router.delete("/{identifier}", status_code=204)
def worker_ends(identifier: WorkerId, jobs: Jobs) -> None:
    jobs.workers.worker_gone(identifier)
