"""What workers call: claim, heartbeat, deliver, finish. Guarded by the worker token.

Every call after the claim carries the fencing token; 409 `stale_token` tells a worker that
the job is no longer its own.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.jobs.job import Claim, Progress
from backend.jobs.shards import endpoints as shards
from backend.service import Here, Service
from backend.storage.incoming import Incoming
from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QueueName
from minimascope.contract.report import Report
from minimascope.contract.schemas import StageState
from minimascope.service import transport

router = APIRouter(prefix="/internal", tags=["workers"], include_in_schema=False)
Token = Annotated[str, Header(alias="X-Fencing-Token")]
WorkerId = Annotated[str, PathParameter(max_length=64, pattern=r"^[\w.@-]+$")]
CLAIM_TRIES = 10
NPY_MAGIC = b"\x93NUMPY"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClaimAnswer(Body):
    job: str
    kind: str
    token: str
    attempt: int
    lease_seconds: float
    job_seconds: float
    document: dict[str, Any]


class StageUpdate(Body):
    state: StageState
    seconds: float | None = None


class Heartbeat(Body):
    progress: Annotated[float, Field(ge=0, le=1)] = 0.0
    message: Annotated[str, Field(max_length=500)] = ""
    stages: dict[str, StageUpdate] = {}


class HeartbeatAnswer(Body):
    cancel: bool


class WorkerReport(Body):
    """What a worker process says of itself every few seconds."""

    queues: list[QueueName]
    device: Annotated[str, Field(max_length=100)]
    layers: dict[str, bool | int] = {}
    versions: dict[str, str] = {}
    idle_seconds: float = 0.0
    out_of_memory: Annotated[int, Field(ge=0)] = 0


class WorkerAnswer(Body):
    restart: bool


class Finish(Body):
    state: Literal["done", "failed", "cancelled"]
    problem: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


def _taken(service: Service, job: str) -> Claim | None:
    """The job that comes first in the queue of `job`; again where another worker was quicker."""
    for _ in range(CLAIM_TRIES):
        chosen = service.repository.choose(job)
        lease = service.settings.lease_seconds
        taken = service.repository.claim(chosen, now=time.time(), lease=lease)
        if taken or chosen == job:
            return taken
    return None


@router.post("/jobs/{job}/claim", responses={409: {}})
def claim(job: str, service: Here) -> ClaimAnswer:
    """409 `not_claimable` where the job is taken, ended, or out of attempts."""
    settings = service.settings
    taken = _taken(service, job)
    if taken is None:
        sentence = f"Job {job[:80]} has nothing to claim."
        raise ProblemError("not_claimable", sentence, status=409)
    service.changes.notify(taken.job)
    return ClaimAnswer(
        job=taken.job,
        kind=taken.kind,
        token=taken.token,
        attempt=taken.attempt,
        lease_seconds=settings.lease_seconds,
        job_seconds=settings.job_seconds,
        document=taken.document,
    )


@router.post("/jobs/{job}/heartbeat")
def heartbeat(job: str, body: Heartbeat, service: Here, token: Token) -> HeartbeatAnswer:
    progress = Progress(
        body.progress,
        body.message,
        {name: update.model_dump() for name, update in body.stages.items()},
    )
    lease = service.settings.lease_seconds
    cancel = service.repository.heartbeat(job, token, progress, now=time.time(), lease=lease)
    service.changes.notify(job)
    return HeartbeatAnswer(cancel=cancel)


@router.post("/jobs/{job}/finish", status_code=204)
def finish(job: str, body: Finish, service: Here, token: Token) -> None:
    ended = service.repository.finish(
        job, token, body.state, now=time.time(), problem=body.problem, result=body.result
    )
    service.figures.ended(ended)
    if ended.kind == "analysis" and ended.state == "done":
        _count_products(service, job)
    service.changes.notify(job)
    if ended.kind == "analysis":
        shards.forget(service.repository, service.store, job)


def _count_products(service: Service, job: str) -> None:
    """The rate of the spectrum, where the report says it."""
    try:
        content = service.store.have(service.store.report(job)).read_bytes()
    except FileNotFoundError:
        return
    spectrum = Report.model_validate_json(content).spectrum
    plan = spectrum.plan if spectrum else None
    if plan and plan.actual_products and plan.actual_seconds:
        service.figures.products(plan.actual_products / plan.actual_seconds)


@router.post("/jobs/{job}/release", status_code=204)
def release(job: str, service: Here, token: Token) -> None:
    """A worker that shuts down gives its job to another one."""
    queue = service.repository.release(job, token)
    service.send(job, queue)
    service.changes.notify(job)


def _keep(
    service: Service, job: str, token: str, *, incoming: Incoming, path: Path, array: str = ""
) -> None:
    with service.repository.fenced_write(job, token, array):
        incoming.keep(path)
    service.changes.notify(job)


@router.put("/jobs/{job}/report", status_code=204)
async def put_report(job: str, request: Request, service: Here, token: Token) -> None:
    content = await request.body()
    try:
        Report.model_validate_json(content)
    except ValidationError as error:
        sentence = f"The report does not follow its schema: {error.errors()[0]['loc']}."
        raise ProblemError("invalid_report", sentence) from error
    with service.store.incoming(limit=service.settings.max_upload_bytes) as incoming:
        await asyncio.to_thread(incoming.write, content)
        path = service.store.report(job)
        await asyncio.to_thread(_keep, service, job, token, incoming=incoming, path=path)


@router.put("/jobs/{job}/arrays/{name}", status_code=204)
async def put_array(job: str, name: str, request: Request, service: Here, token: Token) -> None:
    path = service.store.array(job, name)
    await asyncio.to_thread(service.repository.check_token, job, token)
    with service.store.incoming(limit=service.settings.max_upload_bytes) as incoming:
        async for part in request.stream():
            if incoming.size == 0 and part and not part.startswith(NPY_MAGIC[: len(part)]):
                raise ProblemError("invalid_array", f"{name} is not a .npy file.")
            await asyncio.to_thread(incoming.write, part)
        await asyncio.to_thread(
            _keep, service, job, token, incoming=incoming, path=path, array=name
        )


@router.put("/workers/{identifier}")
def worker(identifier: WorkerId, body: WorkerReport, service: Here) -> WorkerAnswer:
    """Heard of; `restart` where jobs wait for an idle worker that takes none."""
    now = time.time()
    service.repository.worker_seen(identifier, body.model_dump(mode="json"), now=now)
    stuck = service.settings.stuck_seconds
    if body.idle_seconds < stuck:
        return WorkerAnswer(restart=False)
    queues = [str(queue) for queue in body.queues]
    waiting = service.repository.overdue_count(queues, sent_before=now - stuck)
    return WorkerAnswer(restart=waiting > 0 and _broker_answers(service))


def _broker_answers(service: Service) -> bool:
    """Where it is away for us too, a worker that starts again would only wait longer."""
    try:
        transport.waiting(service.celery, "analyses")
    except Exception:  # kombu wraps only some brokers' errors
        return False
    return True


@router.delete("/workers/{identifier}", status_code=204)
def worker_ends(identifier: WorkerId, service: Here) -> None:
    service.repository.worker_gone(identifier)


@router.get("/results/{identifier}/arrays/{name}")
def result_array(identifier: str, name: str, service: Here) -> Response:
    """What an earlier job delivered and a later one needs: eigenvectors for a slice."""
    return _file(service, service.store.array(identifier, name), "array")


@router.get("/blobs/{identifier}")
def blob(identifier: str, service: Here) -> Response:
    return _file(service, service.store.blob(identifier), "blob")


def _file(service: Service, path: Path, what: str) -> Response:
    try:
        found = service.store.have(path)
    except FileNotFoundError as error:
        raise ProblemError(f"no_such_{what}", f"That {what} is gone.", status=404) from error
    return FileResponse(found, media_type="application/octet-stream")
